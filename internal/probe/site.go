package probe

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A Site is an application in this process: handlers behind a Manager.
type Site struct {
	T       testing.TB
	M       *session.Manager
	Mux     *http.ServeMux
	Handler http.Handler

	mu     sync.Mutex
	events []session.Event
}

// NewSite returns a site over a store, by default a new one in memory. Its Observer is
// the site's unless cfg has one.
func NewSite(t testing.TB, st store.Store, cfg session.Config) *Site {
	t.Helper()
	if st == nil {
		st = memstore.New()
	}
	return siteOf(t, cfg, func(cfg session.Config) (*session.Manager, error) { return session.NewManager(st, cfg) })
}

func siteOf(t testing.TB, cfg session.Config, open func(session.Config) (*session.Manager, error)) *Site {
	t.Helper()
	site := &Site{T: t, Mux: http.NewServeMux()}
	if cfg.Observer == nil {
		cfg.Observer = func(_ context.Context, e session.Event) {
			site.mu.Lock()
			defer site.mu.Unlock()
			site.events = append(site.events, e)
		}
	}
	m, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	site.M = m
	site.Handler = m.Handler(site.Mux)
	return site
}

// Handle adds a handler that is given its session.
func (site *Site) Handle(path string, f func(w http.ResponseWriter, r *http.Request, s *session.Session)) {
	site.Mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		f(w, r, session.FromContext(r.Context()))
	})
}

// Events returns what was reported.
func (site *Site) Events() []session.Event {
	site.mu.Lock()
	defer site.mu.Unlock()
	return slices.Clone(site.events)
}

// Saw returns how many events of a kind were reported.
func (site *Site) Saw(kind session.EventKind) int {
	site.mu.Lock()
	defer site.mu.Unlock()
	n := 0
	for _, e := range site.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// A Browser keeps the one cookie of a site.
type Browser struct {
	Site *Site

	mu   sync.Mutex
	Name string
	Val  string
	Sets int // how many Set-Cookie lines it was sent
}

// Browser returns a new browser.
func (site *Site) Browser() *Browser { return &Browser{Site: site} }

// With returns a browser that holds a value.
func (site *Site) With(name, val string) *Browser {
	return &Browser{Site: site, Name: name, Val: val}
}

// Get requests a path, and does with the cookies of the answer as it is told.
func (b *Browser) Get(path string) *httptest.ResponseRecorder {
	w := b.Send(path)
	b.Take(w)
	return w
}

// Send requests a path, and leaves the cookies of the answer to [Browser.Take].
func (b *Browser) Send(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	if name, val := b.Cookie(); val != "" {
		r.Header.Set("Cookie", name+"="+val)
	}
	w := httptest.NewRecorder()
	b.Site.Handler.ServeHTTP(w, r)
	return w
}

// Cookie returns the cookie that the browser holds; val is "" if it holds none.
func (b *Browser) Cookie() (name, val string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Name, b.Val
}

// Take does with the cookies of an answer as it is told.
func (b *Browser) Take(w *httptest.ResponseRecorder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range w.Result().Cookies() {
		b.Sets++
		b.Name, b.Val = c.Name, c.Value
		if c.MaxAge < 0 {
			b.Val = ""
		}
	}
}

// Want requests a path and checks the answer.
func (b *Browser) Want(path string, status int, body string) {
	b.Site.T.Helper()
	w := b.Get(path)
	if got := strings.TrimSpace(w.Body.String()); w.Code != status || got != body {
		b.Site.T.Errorf("%s: %d %q, want %d %q", path, w.Code, got, status, body)
	}
}
