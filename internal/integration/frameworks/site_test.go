// Package frameworks_test runs the session middleware among the frameworks and
// middleware that applications use, over HTTP. Each row of "What stands where"
// in the documentation of package session has tests here, named after it.
package frameworks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

const cookieName = "__Host-app"

var (
	visits = session.NewKey[int]("visits")
	quiet  = log.New(io.Discard, "", 0)
)

// A fragile is a store that can be made to refuse every write.
type fragile struct {
	store.Store
	broken        atomic.Bool
	loads, writes atomic.Int64 // that were asked for
}

var errBroken = errors.New("the disk is full")

func (f *fragile) Load(ctx context.Context, id store.ID) (store.Record, error) {
	f.loads.Add(1)
	return f.Store.Load(ctx, id)
}

func (f *fragile) Create(ctx context.Context, rec store.Record) error {
	f.writes.Add(1)
	if f.broken.Load() {
		return errBroken
	}
	return f.Store.Create(ctx, rec)
}

func (f *fragile) Save(ctx context.Context, rec store.Record, old uint64) error {
	f.writes.Add(1)
	if f.broken.Load() {
		return errBroken
	}
	return f.Store.Save(ctx, rec, old)
}

// A site is a Manager under test.
type site struct {
	t     *testing.T
	m     *session.Manager
	store *fragile

	mu     sync.Mutex
	events []session.Event
}

func newSite(t *testing.T, cfg session.Config) *site {
	t.Helper()
	s := &site{t: t, store: &fragile{Store: memstore.New()}}
	if cfg.Cookie.Name == "" {
		cfg.Cookie.Name = cookieName
	}
	cfg.Observer = func(_ context.Context, e session.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	}
	m, err := session.NewManager(s.store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	s.m = m
	return s
}

// heard returns the events of a kind.
func (s *site) heard(kind session.EventKind) (found []session.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// serve serves h by TLS, over HTTP/1.1 or, with two, HTTP/2.
func serve(t *testing.T, h http.Handler, two ...bool) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = len(two) > 0 && two[0]
	srv.Config.ErrorLog = quiet
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

// A browser keeps the cookies of a server, and follows no redirects.
type browser struct {
	t   *testing.T
	srv *httptest.Server
	c   *http.Client
}

func browse(t *testing.T, srv *httptest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, srv, &http.Client{
		Transport:     srv.Client().Transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// An answer has been read to its end.
type answer struct {
	*http.Response
	body string
}

// do sends a request. The answer must arrive whole.
func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	res, err := b.c.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	return answer{res, string(body)}
}

func (b *browser) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.srv.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.do(b.request("GET", path, nil))
}

// want requests a path and checks the answer.
func (b *browser) want(path string, status int, body string) answer {
	b.t.Helper()
	a := b.get(path)
	if got := strings.TrimSpace(a.body); a.StatusCode != status || got != body {
		b.t.Errorf("%s: %d %q, want %d %q", path, a.StatusCode, got, status, body)
	}
	return a
}

// sets returns the names of the cookies that an answer sets.
func (a answer) sets() string {
	var names []string
	for _, c := range a.Cookies() {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

// count adds one to the visits of a session, and returns them.
func count(r *http.Request) (string, error) {
	s := session.FromContext(r.Context())
	err := visits.Update(s, func(n int) (int, error) { return n + 1, nil })
	n, _ := visits.Get(s)
	return fmt.Sprint(n), err
}

// who says who is signed in, and the visits.
func who(r *http.Request) string {
	s := session.FromContext(r.Context())
	n, _ := visits.Get(s)
	return fmt.Sprintf("<%s> %d", s.Subject(), n)
}

func signIn(r *http.Request) error { return session.FromContext(r.Context()).Login("ada") }
