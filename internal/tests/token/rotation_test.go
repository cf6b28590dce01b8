package token

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// TestRotationUnderLoad has 50 clients' worth of parallel requests share one
// cookie through an hour, with latencies both ways and every tenth answer lost
// on its way: nobody is signed out, and old tokens die.
func TestRotationUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := probe.NewSite(t, nil, session.Config{RotateEvery: 2 * time.Minute, Grace: 30 * time.Second})
		delay := func(most time.Duration) { time.Sleep(rand.N(most)) }
		site.Handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Login("u") })
		counter := session.NewKey[int]("n")
		site.Handle("/read", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			delay(3 * time.Second)
			fmt.Fprint(w, s.Subject())
		})
		site.Handle("/write", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			delay(3 * time.Second)
			if err := counter.Update(s, func(n int) (int, error) { return n + 1, nil }); err != nil {
				t.Error(err)
			}
			fmt.Fprint(w, s.Subject())
		})
		b := site.Browser()
		b.Get("/login")

		var mu sync.Mutex
		issued := map[string]time.Time{} // tokens, and when each was issued
		note := func(w *httptest.ResponseRecorder) {
			mu.Lock()
			defer mu.Unlock()
			for _, c := range w.Result().Cookies() {
				issued[c.Value] = time.Now()
			}
		}
		var answers, lost, writes atomic.Int64
		end := time.Now().Add(time.Hour)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					path := "/read"
					if (i+n)%5 == 0 {
						path = "/write"
						writes.Add(1)
					}
					w := b.Send(path)
					if w.Code != http.StatusOK || w.Body.String() != "u" {
						t.Errorf("%s at %v before the end: %d %q", path, time.Until(end), w.Code, w.Body)
						return
					}
					note(w)
					delay(2 * time.Second)
					if answers.Add(1)%10 == 0 {
						lost.Add(1)
					} else {
						b.Take(w)
					}
					delay(10 * time.Second)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		b.Want("/read", 200, "u")
		t.Logf("%d answers, %d lost, %d writes, %d tokens", answers.Load(), lost.Load(), writes.Load(), len(issued))
		if len(issued) < 20 {
			t.Errorf("%d tokens were issued in an hour with a rotation every 2 minutes", len(issued))
		}
		if infos, err := probe.Collect(site.M.List(t.Context(), "u")); err != nil || len(infos) != 1 {
			t.Errorf("%d sessions, %v, want the one", len(infos), err)
		} else {
			err := site.M.Edit(t.Context(), infos[0].ID, func(s *session.Session) error {
				if n, _ := counter.Get(s); int64(n) != writes.Load() {
					t.Errorf("%d increments are there, want %d", n, writes.Load())
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}

		// The newest token that the client holds lives. Every other that was
		// issued so long ago that its successor must have been confirmed is dead.
		_, current := b.Cookie()
		dead := 0
		for token, at := range issued {
			if token == current || time.Since(at) < 8*time.Minute {
				continue
			}
			dead++
			old := site.Browser()
			old.Name, old.Val = b.Name, token
			old.Want("/read", 200, "")
		}
		if dead == 0 {
			t.Error("no old token to try")
		}
	})
}

// TestRotation follows one client step by step.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := probe.NewSite(t, nil, session.Config{RotateEvery: 10 * time.Minute, Grace: time.Minute, Lifetime: 3 * time.Hour})
		site.Handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Login("u") })
		site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if s.IsNew() {
				fmt.Fprint(w, "new")
				return
			}
			fmt.Fprint(w, s.Subject(), s.Deadline().Sub(s.Created()))
		})
		const in, out = "u3h0m0s", "new"
		b := site.Browser()
		b.Get("/login")
		_, first := b.Cookie()
		holds := func(token string) *probe.Browser {
			o := site.Browser()
			o.Name, o.Val = b.Name, token
			return o
		}
		time.Sleep(9 * time.Minute)
		if b.Want("/", 200, in); b.Sets != 1 {
			t.Error("rotated too early")
		}
		time.Sleep(time.Minute)
		lost := b.Send("/") // issues a second token, whose answer is lost
		if len(lost.Result().Cookies()) != 1 {
			t.Fatal("not rotated")
		}
		second := lost.Result().Cookies()[0].Value
		if w := b.Send("/"); len(w.Result().Cookies()) != 0 {
			t.Error("another token was issued within the grace")
		}
		time.Sleep(time.Minute)
		b.Want("/", 200, in) // the old one is still good, and a third is issued
		_, third := b.Cookie()
		if third == first || third == second {
			t.Fatal("no other token was issued for the one that got lost")
		}
		holds(first).Want("/", 200, in)
		b.Want("/", 200, in) // confirms the third
		if got := site.Saw(session.EventRotated); got != 2 {
			t.Errorf("%d rotations were reported, want 2", got)
		}
		time.Sleep(59 * time.Second)
		holds(first).Want("/", 200, in)
		holds(second).Want("/", 200, in)
		time.Sleep(time.Second)
		holds(first).Want("/", 200, out)
		holds(second).Want("/", 200, out)
		if got := site.Saw(session.EventReused); got != 2 {
			t.Errorf("%d uses of dead tokens were reported, want 2", got)
		}
		b.Want("/", 200, in)
	})
}

func TestRenewOfANewSessionDoesNothing(t *testing.T) {
	tap := probe.NewTap()
	p := probe.Over(t, tap, session.Config{})
	res := p.Client().Visit(probe.Renew(t))
	if calls := tap.Took(); len(res.Cookies()) != 0 || len(calls) != 0 {
		t.Errorf("it sets %v, and asks the store for %v", res.Cookies(), calls)
	}
	c := p.Client().Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Renew(t)(w, r, s)
		probe.Set(t, "k", "v")(w, r, s)
	})
	if c.Token() == "" {
		t.Error("after Renew a value is not stored")
	}
}
