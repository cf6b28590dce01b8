package checklist

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
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// Each of these is a fault that session libraries have, or had.

func TestRegression_LogoutIsUndoneByARunningRequest(t *testing.T) {
	for _, what := range []string{"idle touch", "write"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := memstore.New()
				site := probe.NewSite(t, st, session.Config{})
				g := probe.NewGate()
				site.Handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Login("u") })
				site.Handle("/logout", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					if err := s.Destroy(r.Context()); err != nil {
						t.Error(err)
					}
				})
				site.Handle("/slow", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					id := s.ID()
					g.Wait()
					if what == "write" {
						s.Set("late", true)
					}
					fmt.Fprint(w, id)
				})
				b := site.Browser()
				b.Get("/login")
				name, old := b.Cookie()
				time.Sleep(10 * time.Minute) // a touch is due
				var wg sync.WaitGroup
				var code int
				var cookies []*http.Cookie
				wg.Go(func() {
					w := b.Send("/slow")
					code, cookies = w.Code, w.Result().Cookies()
				})
				g.During(func() { b.Get("/logout") })
				wg.Wait()
				if want := map[string]int{"idle touch": 200, "write": 409}[what]; code != want {
					t.Errorf("status %d, want %d", code, want)
				}
				if len(cookies) != 0 {
					t.Errorf("the ended request set %v", cookies)
				}
				if infos, _ := probe.Collect(site.M.List(t.Context(), "u")); len(infos) != 0 {
					t.Error("the session is back")
				}
				o := site.Browser()
				o.Name, o.Val = name, old
				site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { fmt.Fprint(w, s.Subject()) })
				o.Want("/who", 200, "")
			})
		})
	}
}

func TestRegression_ARenewedTokenIsRevivedOrOverwritten(t *testing.T) {
	site := probe.NewSite(t, nil, session.Config{})
	g := probe.NewGate()
	site.Handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Login("u") })
	site.Handle("/renew", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Renew(); err != nil {
			t.Error(err)
		}
	})
	site.Handle("/slow", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		g.Wait()
		s.Set("late", true)
	})
	site.Handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Subject(), s.Get("late"))
	})
	b := site.Browser()
	b.Get("/login")
	_, old := b.Cookie()
	var wg sync.WaitGroup
	wg.Go(func() {
		w := b.Send("/slow")
		if w.Code != http.StatusConflict || len(w.Result().Cookies()) != 0 {
			t.Errorf("%d %v, want 409 and no cookie", w.Code, w.Result().Cookies())
		}
	})
	g.During(func() { b.Get("/renew") })
	wg.Wait()
	b.Want("/show", 200, "u<nil>")
	b.Val = old
	b.Want("/show", 200, "<nil>")
}

func TestRegression_AnUpdateIsLostToOneOfAnotherKey(t *testing.T) {
	site := probe.NewSite(t, nil, session.Config{})
	g := probe.NewGate()
	site.Handle("/a", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		g.Wait()
		s.Set("a", 1)
	})
	site.Handle("/b", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Set("b", 2) })
	site.Handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Get("a"), s.Get("b"))
	})
	b := site.Browser()
	b.Get("/b")
	var wg sync.WaitGroup
	wg.Go(func() { b.Send("/a") })
	g.During(func() { b.Get("/b") })
	wg.Wait()
	b.Want("/show", 200, "1 2")
}

func TestRegression_AnUndecodableRecordAnswers500ForEver(t *testing.T) {
	st := memstore.New()
	var corrupt bool
	f := &probe.Faulty{Store: st}
	f.OnLoad = func(ctx context.Context, id store.ID) (store.Record, error) {
		rec, err := st.Load(ctx, id)
		if corrupt {
			rec.Data = probe.Envelope("\x01garbage")
		}
		return rec, err
	}
	site := probe.NewSite(t, f, session.Config{})
	site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Increment(s)
		fmt.Fprint(w, s.Get("n"))
	})
	b := site.Browser()
	b.Want("/", 200, "1")
	corrupt = true
	b.Want("/", 200, "1") // goes on with a new session, under a new token
	corrupt = false
	b.Want("/", 200, "2")
	if got := site.Saw(session.EventCorrupt); got != 1 {
		t.Errorf("%d corrupt records were reported, want 1", got)
	}
}

func TestRegression_RenewalForgetsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := probe.NewSite(t, nil, session.Config{Lifetime: 2 * time.Hour})
		site.Handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Login("u") })
		site.Handle("/renew", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Renew() })
		site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { fmt.Fprint(w, s.Subject()) })
		b := site.Browser()
		b.Get("/login")
		for range 3 {
			time.Sleep(30 * time.Minute)
			b.Get("/renew")
		}
		time.Sleep(30*time.Minute - time.Second)
		b.Want("/who", 200, "u")
		time.Sleep(time.Second)
		b.Want("/who", 200, "")
	})
}

func TestRegression_ALongCookieReachesTheStore(t *testing.T) {
	f := &probe.Faulty{Store: memstore.New()}
	f.OnLoad = func(context.Context, store.ID) (store.Record, error) {
		t.Error("the store was asked")
		return store.Record{}, store.ErrNotFound
	}
	site := probe.NewSite(t, f, session.Config{})
	site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) { fmt.Fprint(w, s.IsNew()) })
	b := site.Browser()
	b.Name, b.Val = "__Host-id", strings.Repeat("A", 100_000)
	b.Want("/", 200, "true")
	if got := site.Saw(session.EventMalformed); got != 1 {
		t.Errorf("%d malformed tokens were reported, want 1", got)
	}
}

func TestRegression_TheSecondToSignInInheritsTheCart(t *testing.T) {
	site := probe.NewSite(t, nil, session.Config{})
	site.Handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Login(r.URL.Query().Get("as")) })
	site.Handle("/add", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Increment(s) })
	site.Handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Subject(), s.Get("n"))
	})
	b := site.Browser()
	b.Get("/add")
	b.Get("/login?as=first") // a guest's cart is kept,
	b.Want("/show", 200, "first1")
	b.Get("/login?as=first") // and one's own,
	b.Want("/show", 200, "first1")
	b.Get("/login?as=second") // and nobody else's
	b.Want("/show", 200, "second<nil>")
	if infos, err := probe.Collect(site.M.List(t.Context(), "first")); err != nil || len(infos) != 0 {
		t.Errorf("the first still has %v, %v", infos, err)
	}
}

func TestRegression_ADoubleClickOnSignInEndsSignedOut(t *testing.T) {
	// Whichever of the two answers the browser keeps, it is signed in.
	for _, kept := range []int{0, 1} {
		for _, guest := range []bool{false, true} {
			t.Run(fmt.Sprintf("kept=%d guest=%v", kept, guest), func(t *testing.T) {
				site := probe.NewSite(t, nil, session.Config{})
				g := probe.NewGate()
				site.Handle("/add", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Increment(s) })
				site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					fmt.Fprint(w, s.Subject(), s.Get("n"))
				})
				site.Handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					if r.URL.RawQuery == "0" {
						g.Wait()
					}
					if err := s.Login("u"); err != nil {
						t.Error(err)
					}
				})
				b := site.Browser()
				if guest {
					b.Get("/add")
				}
				var tokens [2]string
				login := func(i int) {
					w := b.Send(fmt.Sprintf("/login?%d", i))
					if c := w.Result().Cookies(); w.Code == 200 && len(c) == 1 {
						tokens[i] = c[0].Value
					} else {
						t.Errorf("login %d: %d %v", i, w.Code, c)
					}
				}
				var wg sync.WaitGroup
				wg.Go(func() { login(0) })
				g.During(func() { login(1) })
				wg.Wait()
				b.Name, b.Val = "__Host-id", tokens[kept]
				// Neither is the guest's cart lost.
				b.Want("/who", 200, map[bool]string{false: "u<nil>", true: "u1"}[guest])
			})
		}
	}
}

func TestRegression_ASignInWithAStaleTokenLosesTheCart(t *testing.T) {
	site := probe.NewSite(t, nil, session.Config{})
	site.Handle("/add", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Increment(s) })
	site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Subject(), s.Get("n"))
	})
	site.Handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Login(r.URL.RawQuery); err != nil {
			t.Error(err)
		}
	})
	b := site.Browser()
	b.Get("/add")
	name, old := b.Cookie()
	b.Get("/login?u") // its answer is on the way when the second click comes
	for _, test := range []struct{ path, want string }{
		{"/login?u", "u1"},
		{"/login?other", "other<nil>"}, // no values of another subject's
	} {
		second := site.Browser()
		second.Name, second.Val = name, old
		second.Want("/who", 200, "<nil>")
		second.Get(test.path)
		second.Want("/who", 200, test.want)
	}
	b.Want("/who", 200, "u1") // and the first is as good as before
}
