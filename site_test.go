package session_test

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A testSite is an application in this process: handlers behind a Manager.
type testSite struct {
	t       *testing.T
	m       *session.Manager
	mux     *http.ServeMux
	handler http.Handler

	mu     sync.Mutex
	events []session.Event
}

// newSite returns a site over a store, by default a new one in memory.
func newSite(t *testing.T, st store.Store, cfg session.Config) *testSite {
	t.Helper()
	if st == nil {
		st = memstore.New()
	}
	site := &testSite{t: t, mux: http.NewServeMux()}
	if cfg.Observer == nil {
		cfg.Observer = func(_ context.Context, e session.Event) {
			site.mu.Lock()
			defer site.mu.Unlock()
			site.events = append(site.events, e)
		}
	}
	m, err := session.NewManager(st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	site.m = m
	site.handler = m.Handler(site.mux)
	return site
}

// handle adds a handler that is given its session.
func (site *testSite) handle(path string, f func(w http.ResponseWriter, r *http.Request, s *session.Session)) {
	site.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		f(w, r, session.FromContext(r.Context()))
	})
}

// saw returns how many events of a kind were reported.
func (site *testSite) saw(kind session.EventKind) int {
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

// A testBrowser keeps the one cookie of a site.
type testBrowser struct {
	site *testSite
	mu   sync.Mutex
	name string
	val  string
	set  int // how many Set-Cookie lines it was sent
}

func (site *testSite) browser() *testBrowser { return &testBrowser{site: site} }

// get requests a path, and does with the cookies of the answer as it is told.
func (b *testBrowser) get(path string) *httptest.ResponseRecorder {
	w := b.send(path)
	b.take(w)
	return w
}

func (b *testBrowser) send(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	if name, val := b.cookie(); val != "" {
		r.Header.Set("Cookie", name+"="+val)
	}
	w := httptest.NewRecorder()
	b.site.handler.ServeHTTP(w, r)
	return w
}

func (b *testBrowser) cookie() (name, val string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.name, b.val
}

func (b *testBrowser) take(w *httptest.ResponseRecorder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range w.Result().Cookies() {
		b.set++
		b.name, b.val = c.Name, c.Value
		if c.MaxAge < 0 {
			b.val = ""
		}
	}
}

// want requests a path and checks the answer.
func (b *testBrowser) want(path string, status int, body string) {
	b.site.t.Helper()
	w := b.get(path)
	if got := strings.TrimSpace(w.Body.String()); w.Code != status || got != body {
		b.site.t.Errorf("%s: %d %q, want %d %q", path, w.Code, got, status, body)
	}
}

// A faultyStore does what its functions say in the place of the store below.
// A nil function does nothing in particular.
type faultyStore struct {
	store.Store
	load   func(ctx context.Context, id store.ID) (store.Record, error)
	create func(ctx context.Context, rec store.Record) error
	save   func(ctx context.Context, rec store.Record, old uint64) error
	touch  func(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error
	del    func(ctx context.Context, id store.ID) error
}

func (f *faultyStore) Load(ctx context.Context, id store.ID) (store.Record, error) {
	if f.load != nil {
		return f.load(ctx, id)
	}
	return f.Store.Load(ctx, id)
}

func (f *faultyStore) Create(ctx context.Context, rec store.Record) error {
	if f.create != nil {
		return f.create(ctx, rec)
	}
	return f.Store.Create(ctx, rec)
}

func (f *faultyStore) Save(ctx context.Context, rec store.Record, old uint64) error {
	if f.save != nil {
		return f.save(ctx, rec, old)
	}
	return f.Store.Save(ctx, rec, old)
}

func (f *faultyStore) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	if f.touch != nil {
		return f.touch(ctx, id, version, seen, expires)
	}
	return f.Store.Touch(ctx, id, version, seen, expires)
}

func (f *faultyStore) Delete(ctx context.Context, id store.ID) error {
	if f.del != nil {
		return f.del(ctx, id)
	}
	return f.Store.Delete(ctx, id)
}

func (f *faultyStore) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return store.List(ctx, f.Store, subject)
}
