package session_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// Each of these is a fault that session libraries have, or had.

// during runs f while a request for path is in the middle of its handler,
// which has loaded the session and calls reached.
type gate struct{ reached, open chan struct{} }

func newGate() gate { return gate{make(chan struct{}), make(chan struct{})} }

func (g gate) wait() { close(g.reached); <-g.open }

func (g gate) during(f func()) { <-g.reached; f(); close(g.open) }

func TestRegression_LogoutIsUndoneByARunningRequest(t *testing.T) {
	for _, what := range []string{"idle touch", "write"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := memstore.New()
				site := newSite(t, st, session.Config{})
				g := newGate()
				site.handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Login("u") })
				site.handle("/logout", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					if err := s.Destroy(r.Context()); err != nil {
						t.Error(err)
					}
				})
				site.handle("/slow", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					id := s.ID()
					g.wait()
					if what == "write" {
						s.Set("late", true)
					}
					fmt.Fprint(w, id)
				})
				b := site.browser()
				b.get("/login")
				name, old := b.cookie()
				time.Sleep(10 * time.Minute) // a touch is due
				var wg sync.WaitGroup
				var code int
				var cookies []*http.Cookie
				wg.Go(func() {
					w := b.send("/slow")
					code, cookies = w.Code, w.Result().Cookies()
				})
				g.during(func() { b.get("/logout") })
				wg.Wait()
				if want := map[string]int{"idle touch": 200, "write": 409}[what]; code != want {
					t.Errorf("status %d, want %d", code, want)
				}
				if len(cookies) != 0 {
					t.Errorf("the ended request set %v", cookies)
				}
				if infos, _ := collect(site.m.List(t.Context(), "u")); len(infos) != 0 {
					t.Error("the session is back")
				}
				o := site.browser()
				o.name, o.val = name, old
				site.handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { fmt.Fprint(w, s.Subject()) })
				o.want("/who", 200, "")
			})
		})
	}
}

func TestRegression_ARenewedTokenIsRevivedOrOverwritten(t *testing.T) {
	site := newSite(t, nil, session.Config{})
	g := newGate()
	site.handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Login("u") })
	site.handle("/renew", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Renew(); err != nil {
			t.Error(err)
		}
	})
	site.handle("/slow", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		g.wait()
		s.Set("late", true)
	})
	site.handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Subject(), s.Get("late"))
	})
	b := site.browser()
	b.get("/login")
	_, old := b.cookie()
	var wg sync.WaitGroup
	wg.Go(func() {
		w := b.send("/slow")
		if w.Code != http.StatusConflict || len(w.Result().Cookies()) != 0 {
			t.Errorf("%d %v, want 409 and no cookie", w.Code, w.Result().Cookies())
		}
	})
	g.during(func() { b.get("/renew") })
	wg.Wait()
	b.want("/show", 200, "u<nil>")
	b.val = old
	b.want("/show", 200, "<nil>")
}

func TestRegression_AnUpdateIsLostToOneOfAnotherKey(t *testing.T) {
	site := newSite(t, nil, session.Config{})
	g := newGate()
	site.handle("/a", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		g.wait()
		s.Set("a", 1)
	})
	site.handle("/b", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Set("b", 2) })
	site.handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Get("a"), s.Get("b"))
	})
	b := site.browser()
	b.get("/b")
	var wg sync.WaitGroup
	wg.Go(func() { b.send("/a") })
	g.during(func() { b.get("/b") })
	wg.Wait()
	b.want("/show", 200, "1 2")
}

func TestRegression_AnUndecodableRecordAnswers500ForEver(t *testing.T) {
	st := memstore.New()
	var corrupt bool
	f := &faultyStore{Store: st}
	f.load = func(ctx context.Context, id store.ID) (store.Record, error) {
		rec, err := st.Load(ctx, id)
		if corrupt {
			rec.Data = envelope("\x01garbage")
		}
		return rec, err
	}
	site := newSite(t, f, session.Config{})
	site.handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		increment(s)
		fmt.Fprint(w, s.Get("n"))
	})
	b := site.browser()
	b.want("/", 200, "1")
	corrupt = true
	b.want("/", 200, "1") // goes on with a new session, under a new token
	corrupt = false
	b.want("/", 200, "2")
	if got := site.saw(session.EventCorrupt); got != 1 {
		t.Errorf("%d corrupt records were reported, want 1", got)
	}
}

func TestRegression_RenewalForgetsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, nil, session.Config{Lifetime: 2 * time.Hour})
		site.handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Login("u") })
		site.handle("/renew", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Renew() })
		site.handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { fmt.Fprint(w, s.Subject()) })
		b := site.browser()
		b.get("/login")
		for range 3 {
			time.Sleep(30 * time.Minute)
			b.get("/renew")
		}
		time.Sleep(30*time.Minute - time.Second)
		b.want("/who", 200, "u")
		time.Sleep(time.Second)
		b.want("/who", 200, "")
	})
}

func TestRegression_ALongCookieReachesTheStore(t *testing.T) {
	f := &faultyStore{Store: memstore.New()}
	f.load = func(context.Context, store.ID) (store.Record, error) {
		t.Error("the store was asked")
		return store.Record{}, store.ErrNotFound
	}
	site := newSite(t, f, session.Config{})
	site.handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) { fmt.Fprint(w, s.IsNew()) })
	b := site.browser()
	b.name, b.val = "__Host-id", strings.Repeat("A", 100_000)
	b.want("/", 200, "true")
	if got := site.saw(session.EventMalformed); got != 1 {
		t.Errorf("%d malformed tokens were reported, want 1", got)
	}
}

func TestRegression_TheSecondToSignInInheritsTheCart(t *testing.T) {
	site := newSite(t, nil, session.Config{})
	site.handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Login(r.URL.Query().Get("as")) })
	site.handle("/add", func(w http.ResponseWriter, r *http.Request, s *session.Session) { increment(s) })
	site.handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Subject(), s.Get("n"))
	})
	b := site.browser()
	b.get("/add")
	b.get("/login?as=first") // a guest's cart is kept,
	b.want("/show", 200, "first1")
	b.get("/login?as=first") // and one's own,
	b.want("/show", 200, "first1")
	b.get("/login?as=second") // and nobody else's
	b.want("/show", 200, "second<nil>")
	if infos, err := collect(site.m.List(t.Context(), "first")); err != nil || len(infos) != 0 {
		t.Errorf("the first still has %v, %v", infos, err)
	}
}

func TestRegression_ADoubleClickOnSignInEndsSignedOut(t *testing.T) {
	// Whichever of the two answers the browser keeps, it is signed in.
	for _, kept := range []int{0, 1} {
		for _, guest := range []bool{false, true} {
			t.Run(fmt.Sprintf("kept=%d guest=%v", kept, guest), func(t *testing.T) {
				site := newSite(t, nil, session.Config{})
				g := newGate()
				site.handle("/add", func(w http.ResponseWriter, r *http.Request, s *session.Session) { increment(s) })
				site.handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					fmt.Fprint(w, s.Subject(), s.Get("n"))
				})
				site.handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					if r.URL.RawQuery == "0" {
						g.wait()
					}
					if err := s.Login("u"); err != nil {
						t.Error(err)
					}
				})
				b := site.browser()
				if guest {
					b.get("/add")
				}
				var tokens [2]string
				login := func(i int) {
					w := b.send(fmt.Sprintf("/login?%d", i))
					if c := w.Result().Cookies(); w.Code == 200 && len(c) == 1 {
						tokens[i] = c[0].Value
					} else {
						t.Errorf("login %d: %d %v", i, w.Code, c)
					}
				}
				var wg sync.WaitGroup
				wg.Go(func() { login(0) })
				g.during(func() { login(1) })
				wg.Wait()
				b.name, b.val = "__Host-id", tokens[kept]
				// Neither is the guest's cart lost.
				b.want("/who", 200, map[bool]string{false: "u<nil>", true: "u1"}[guest])
			})
		}
	}
}

func TestRegression_ASignInWithAStaleTokenLosesTheCart(t *testing.T) {
	site := newSite(t, nil, session.Config{})
	site.handle("/add", func(w http.ResponseWriter, r *http.Request, s *session.Session) { increment(s) })
	site.handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Subject(), s.Get("n"))
	})
	site.handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Login(r.URL.RawQuery); err != nil {
			t.Error(err)
		}
	})
	b := site.browser()
	b.get("/add")
	name, old := b.cookie()
	b.get("/login?u") // its answer is on the way when the second click comes
	for _, test := range []struct{ path, want string }{
		{"/login?u", "u1"},
		{"/login?other", "other<nil>"}, // no values of another subject's
	} {
		second := site.browser()
		second.name, second.val = name, old
		second.want("/who", 200, "<nil>")
		second.get(test.path)
		second.want("/who", 200, test.want)
	}
	b.want("/who", 200, "u1") // and the first is as good as before
}
