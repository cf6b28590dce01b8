package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/cookiestore"
	"github.com/b4468f51/session/store/memstore"
)

// The helpers of the tests of forms and of origins.

// headers sets headers of a request, given as names and values.
func headers(pairs ...string) func(*http.Request) {
	return func(r *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			r.Header.Set(pairs[i], pairs[i+1])
		}
	}
}

// asks makes a request one for another target, as net/http reads it.
func asks(target string) func(*http.Request) {
	return func(r *http.Request) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			panic(err)
		}
		r.URL, r.RequestURI = u, target
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

const day = 24 * time.Hour

// cookies sends Cookie headers as they are, in the place of the jar's.
func cookies(lines ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header["Cookie"] = lines }
}

func newRing(t *testing.T, keys ...cookiestore.Key) *cookiestore.Keyring {
	t.Helper()
	if len(keys) == 0 {
		keys = []cookiestore.Key{cookiestore.GenerateKey()}
	}
	ring, err := cookiestore.New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// newSealedSite returns a site that keeps its sessions in their cookies.
func newSealedSite(t *testing.T, sealer session.Sealer, cfg session.Config) *testSite {
	t.Helper()
	site := &testSite{t: t, mux: http.NewServeMux()}
	cfg.Observer = func(_ context.Context, e session.Event) {
		site.mu.Lock()
		defer site.mu.Unlock()
		site.events = append(site.events, e)
	}
	m, err := session.NewSealed(sealer, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	site.m, site.handler = m, m.Handler(site.mux)
	site.answers()
	return site
}

// answers adds a handler for each step of a session's life, which shows what it
// leaves.
func (site *testSite) answers() {
	answer := func(path string, f func(r *http.Request, s *session.Session) error) {
		site.handle(path, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := f(r, s); err != nil {
				http.Error(w, err.Error(), session.ErrorStatus(err))
				return
			}
			k, _ := s.Get("k").(string)
			w.Write([]byte(s.Subject() + "/" + k))
		})
	}
	answer("/read", func(*http.Request, *session.Session) error { return nil })
	answer("/set", func(r *http.Request, s *session.Session) error { return s.Set("k", r.URL.RawQuery) })
	answer("/login", func(r *http.Request, s *session.Session) error { return s.Login(r.URL.RawQuery) })
	answer("/renew", func(_ *http.Request, s *session.Session) error { return s.Renew() })
	answer("/logout", func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) })
	answer("/everywhere", func(r *http.Request, s *session.Session) error {
		_, err := site.m.RevokeAll(r.Context(), s.Subject())
		return errors.Join(err, s.Destroy(r.Context()))
	})
	answer("/password", func(r *http.Request, s *session.Session) error {
		subject := s.Subject()
		_, err := site.m.RevokeAll(r.Context(), subject)
		return errors.Join(err, s.Login(subject))
	})
}

// A tap counts what a store is asked, keeps all that it was given, and lets a
// test get in between.
type tap struct {
	under store.Lister

	mu      sync.Mutex
	calls   []string
	written []store.Record
	around  func(ctx context.Context, op string, do func() error) error
	spoil   func(rec store.Record) store.Record // what Load returns

	undeletable func(id store.ID) error // asked before a Delete, if there is one
}

func newTap() *tap { return &tap{under: memstore.New()} }

func (t *tap) call(ctx context.Context, op string, do func() error) error {
	t.mu.Lock()
	t.calls = append(t.calls, op)
	around := t.around
	t.mu.Unlock()
	if around == nil {
		return do()
	}
	return around(ctx, op, do)
}

// took returns the operations since it was last called.
func (t *tap) took() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.calls
	t.calls = nil
	return calls
}

// given returns every record that was ever to be written.
func (t *tap) given() []store.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.written)
}

func (t *tap) keep(rec store.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rec.Data = bytes.Clone(rec.Data)
	t.written = append(t.written, rec)
}

func (t *tap) Load(ctx context.Context, id store.ID) (rec store.Record, err error) {
	err = t.call(ctx, "load", func() (err error) { rec, err = t.under.Load(ctx, id); return err })
	t.mu.Lock()
	spoil := t.spoil
	t.mu.Unlock()
	if err == nil && spoil != nil {
		rec = spoil(rec)
	}
	return rec, err
}

func (t *tap) Create(ctx context.Context, rec store.Record) error {
	t.keep(rec)
	return t.call(ctx, "create", func() error { return t.under.Create(ctx, rec) })
}

func (t *tap) Save(ctx context.Context, rec store.Record, old uint64) error {
	t.keep(rec)
	return t.call(ctx, "save", func() error { return t.under.Save(ctx, rec, old) })
}

func (t *tap) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	return t.call(ctx, "touch", func() error { return t.under.Touch(ctx, id, version, seen, expires) })
}

func (t *tap) Delete(ctx context.Context, id store.ID) error {
	return t.call(ctx, "delete", func() error {
		if t.undeletable != nil {
			if err := t.undeletable(id); err != nil {
				return err
			}
		}
		return t.under.Delete(ctx, id)
	})
}

func (t *tap) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		var recs []store.Record
		err := t.call(ctx, "list", func() (err error) { recs, err = collect(t.under.List(ctx, subject)); return err })
		for _, rec := range recs {
			if !yield(rec, nil) {
				return
			}
		}
		if err != nil {
			yield(store.Record{}, err)
		}
	}
}

// collect returns what a loop yields until it yields an error.
func collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

// An act is a handler that is given its session.
type act func(w http.ResponseWriter, r *http.Request, s *session.Session)

func (f act) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f(w, r, session.FromContext(r.Context()))
}

// A probe is an application whose handler each request brings along.
type probeOfForms struct {
	t   testing.TB
	m   *session.Manager
	tap *tap
	h   http.Handler

	mu     sync.Mutex
	events []session.Event
}

// newProbe returns a probe over a tap. Its cookie is __Host-id unless cfg says
// otherwise.
func newProbe(t testing.TB, cfg session.Config) *probeOfForms {
	t.Helper()
	return probeOver(t, newTap(), cfg)
}

// probeOver returns one more probe over a tap that others may use as well.
func probeOver(t testing.TB, tap *tap, cfg session.Config) *probeOfForms {
	t.Helper()
	p := &probeOfForms{t: t, tap: tap}
	cfg.Observer = func(_ context.Context, e session.Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, e)
	}
	m, err := session.NewManager(p.tap, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	p.m = m
	p.h = m.Handler(http.HandlerFunc(brought))
	return p
}

type actKey struct{}

// bring makes f the act of a request.
func bring(r *http.Request, f act) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), actKey{}, f))
}

// brought is the handler that the request brought along.
func brought(w http.ResponseWriter, r *http.Request) {
	r.Context().Value(actKey{}).(act).ServeHTTP(w, r)
}

// saw returns the events since it was last called.
func (p *probeOfForms) saw() []session.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.events
	p.events = nil
	return events
}

// heard returns the kinds of the events since saw or heard was last called.
func (p *probeOfForms) heard() string {
	var kinds []string
	for _, e := range p.saw() {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, ", ")
}

const (
	appURL     = "https://app.test/"
	cookieName = "__Host-id"
)

// A client is a browser of its own.
type client struct {
	p   *probeOfForms
	jar http.CookieJar
	url *url.URL
}

func (p *probeOfForms) client() *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	u, err := url.Parse(appURL)
	if err != nil {
		p.t.Fatal(err)
	}
	return &client{p, jar, u}
}

// visit sends a request, which edits may change, to f behind the middleware.
func (c *client) visit(f act, edits ...func(*http.Request)) *http.Response {
	c.p.t.Helper()
	r := httptest.NewRequest("GET", c.url.String(), nil)
	for _, ck := range c.jar.Cookies(c.url) {
		r.AddCookie(ck)
	}
	for _, edit := range edits {
		edit(r)
	}
	w := httptest.NewRecorder()
	c.p.h.ServeHTTP(w, bring(r, f))
	res := w.Result()
	checkAnswer(c.p.t, res)
	c.jar.SetCookies(c.url, res.Cookies())
	return res
}

// checkAnswer checks what every answer with a session's cookie keeps to.
func checkAnswer(t testing.TB, res *http.Response) {
	t.Helper()
	n := 0
	for _, ck := range res.Cookies() {
		if ck.Name != cookieName {
			continue
		}
		n++
		if !ck.Secure || !ck.HttpOnly || ck.SameSite == 0 || ck.Path != "/" || ck.Domain != "" {
			t.Errorf("the cookie's attributes are %q", ck.Raw)
		}
		if !strings.Contains(strings.ToLower(res.Header.Get("Cache-Control")), "no-store") {
			t.Errorf("Set-Cookie with Cache-Control %q", res.Header["Cache-Control"])
		}
		if !slices.Contains(res.Header["Vary"], "Cookie") {
			t.Errorf("Set-Cookie with Vary %q", res.Header["Vary"])
		}
	}
	if n > 1 {
		t.Errorf("%d cookies of the session: %q", n, res.Header["Set-Cookie"])
	}
}

// token returns what the client holds, or "".
func (c *client) token() string { return c.cookie(cookieName) }

func (c *client) cookie(name string) string {
	for _, ck := range c.jar.Cookies(c.url) {
		if ck.Name == name {
			return ck.Value
		}
	}
	return ""
}

// must has f succeed with status 200.
func (c *client) must(f act) *client {
	c.p.t.Helper()
	if res := c.visit(f); res.StatusCode != http.StatusOK {
		c.p.t.Fatalf("status %d, want 200", res.StatusCode)
	}
	return c
}

// show writes who is signed in and what the session holds.
func show(w http.ResponseWriter, _ *http.Request, s *session.Session) {
	fmt.Fprintf(w, "<%s>", s.Subject())
	for key := range s.Keys() {
		fmt.Fprintf(w, " %s=%v", key, s.Get(key))
	}
}

// state returns what show wrote.
func (c *client) state() string {
	c.p.t.Helper()
	return text(c.p.t, c.visit(show))
}

// wants checks the state.
func (c *client) wants(state string) {
	c.p.t.Helper()
	if got := c.state(); got != state {
		c.p.t.Errorf("the session is %q, want %q", got, state)
	}
}

func text(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// succeed makes an act of a step that must not fail.
func succeed(t testing.TB, f func(r *http.Request, s *session.Session) error) act {
	return func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := f(r, s); err != nil {
			t.Error(err)
		}
	}
}

func set(t testing.TB, key string, v any) act {
	return succeed(t, func(_ *http.Request, s *session.Session) error { return s.Set(key, v) })
}

func login(t testing.TB, subject string) act {
	return succeed(t, func(_ *http.Request, s *session.Session) error { return s.Login(subject) })
}

func renew(t testing.TB) act {
	return succeed(t, func(_ *http.Request, s *session.Session) error { return s.Renew() })
}

func logout(t testing.TB) act {
	return succeed(t, func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) })
}

// idle does nothing with its session.
func idle(http.ResponseWriter, *http.Request, *session.Session) {}

// A testSite is an application in this process: handlers behind a Manager.
type testSite struct {
	t       *testing.T
	m       *session.Manager
	mux     *http.ServeMux
	handler http.Handler

	mu     sync.Mutex
	events []session.Event
}

// handle adds a handler that is given its session.
func (site *testSite) handle(path string, f func(w http.ResponseWriter, r *http.Request, s *session.Session)) {
	site.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		f(w, r, session.FromContext(r.Context()))
	})
}
