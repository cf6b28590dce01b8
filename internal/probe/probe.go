// Package probe is an application under test, for the tests of package session and of
// what stands on it: a manager over a store that tells what it is asked, and clients
// that check of every answer what has to be true of every answer. To a [Probe] each
// request brings its handler along, a [Site] has one for each path, and a [Direct] does
// without HTTP. It knows the public face of package session alone. No program links it.
package probe

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/b4468f51/session"
)

// An Act is a handler that is given its session.
type Act func(w http.ResponseWriter, r *http.Request, s *session.Session)

// ServeHTTP calls f with the innermost session of the request.
func (f Act) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f(w, r, session.FromContext(r.Context()))
}

// A Probe is an application whose handler each request brings along.
type Probe struct {
	T   testing.TB
	M   *session.Manager
	Tap *Tap
	H   http.Handler // the whole application

	mu     sync.Mutex
	events []session.Event
}

// New returns a Probe over a Tap of its own. Its cookie is [CookieName] unless cfg
// says otherwise; its Observer is the Probe's.
func New(t testing.TB, cfg session.Config) *Probe {
	t.Helper()
	return Over(t, NewTap(), cfg)
}

// Over returns one more Probe over a Tap that others may use as well.
func Over(t testing.TB, tap *Tap, cfg session.Config) *Probe {
	t.Helper()
	return with(t, tap, cfg, func(cfg session.Config) (*session.Manager, error) { return session.NewManager(tap, cfg) })
}

// Sealed returns a Probe whose sessions are in their cookies. It has no Tap.
func Sealed(t testing.TB, by session.Sealer, cfg session.Config) *Probe {
	t.Helper()
	return with(t, nil, cfg, func(cfg session.Config) (*session.Manager, error) { return session.NewSealed(by, cfg) })
}

func with(t testing.TB, tap *Tap, cfg session.Config, open func(session.Config) (*session.Manager, error)) *Probe {
	t.Helper()
	p := &Probe{T: t, Tap: tap}
	cfg.Observer = p.Observe
	m, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	p.M = m
	p.H = m.Handler(http.HandlerFunc(Brought))
	return p
}

type actKey struct{}

// Bring makes f the Act of a request.
func Bring(r *http.Request, f Act) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), actKey{}, f))
}

// Brought is the handler that the request brought along.
func Brought(w http.ResponseWriter, r *http.Request) {
	r.Context().Value(actKey{}).(Act).ServeHTTP(w, r)
}

// Observe keeps an event for Saw. It is the Observer of the Probe's manager.
func (p *Probe) Observe(_ context.Context, e session.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
}

// Saw returns the events since it was last called.
func (p *Probe) Saw() []session.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.events
	p.events = nil
	return events
}

// Heard returns the kinds of the events since Saw or Heard was last called.
func (p *Probe) Heard() string {
	var kinds []string
	for _, e := range p.Saw() {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, ", ")
}

// URL is where a [Client] sends its requests.
const URL = "https://app.test/"

// Client returns a new browser.
func (p *Probe) Client() *Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.T.Fatal(err)
	}
	u, err := url.Parse(URL)
	if err != nil {
		p.T.Fatal(err)
	}
	return &Client{p, jar, u}
}

// With returns a client that holds a token.
func (p *Probe) With(token string) *Client {
	c := p.Client()
	c.Jar.SetCookies(c.URL, []*http.Cookie{{Name: CookieName, Value: token, Path: "/", Secure: true}})
	return c
}

// Only returns the one session of a subject.
func (p *Probe) Only(subject string) session.Info {
	p.T.Helper()
	infos, err := Collect(p.M.List(p.T.Context(), subject))
	if err != nil || len(infos) != 1 {
		p.T.Fatalf("%d sessions, %v; want one", len(infos), err)
	}
	return infos[0]
}

// IDsOf returns the IDs of a subject's sessions, ascending.
func (p *Probe) IDsOf(subject string) []session.ID {
	p.T.Helper()
	infos, err := Collect(p.M.List(p.T.Context(), subject))
	if err != nil {
		p.T.Fatal(err)
	}
	var ids []session.ID
	for _, info := range infos {
		ids = append(ids, info.ID)
	}
	slices.SortFunc(ids, func(a, b session.ID) int { return slices.Compare(a[:], b[:]) })
	return ids
}
