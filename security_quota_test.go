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
)

func TestSecurity_LC11_TheOldestSignInGivesWayToANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{MaxSessions: 2})
		first := p.client().must(login(t, "u"))
		time.Sleep(time.Second)
		second := p.client().must(login(t, "u"))
		another := p.client().must(login(t, "v"))
		time.Sleep(time.Second)
		first.must(login(t, "u")) // is now the newest
		time.Sleep(time.Second)
		third := p.client().must(login(t, "u"))
		first.wants("<u>")
		second.wants(anonymous)
		third.wants("<u>")
		another.wants("<v>")
	})
}

// However many sign in at once, no more are left than may be, and each of those
// has a client.
func TestSecurity_LC11_ParallelLoginsLeaveNoMoreThanMaxSessions(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		t.Run(fmt.Sprintf("refuse %v", refuse), func(t *testing.T) {
			tap := newTap()
			machines := []*probe{}
			for range 3 {
				machines = append(machines, probeOver(t, tap, session.Config{MaxSessions: 3, RefuseLogin: refuse}))
			}
			for round := range 10 {
				subject := fmt.Sprint("u", round)
				var clients []*client
				for i := range 20 {
					clients = append(clients, machines[i%3].client())
				}
				var mu sync.Mutex
				signedIn := 0
				var wg sync.WaitGroup
				for _, c := range clients {
					wg.Go(func() {
						res := c.visit(login(t, subject))
						mu.Lock()
						defer mu.Unlock()
						switch res.StatusCode {
						case http.StatusOK:
							signedIn++
						case http.StatusConflict, http.StatusForbidden:
						default:
							t.Errorf("status %d", res.StatusCode)
						}
					})
				}
				wg.Wait()
				alive := 0
				for _, c := range clients {
					if c.state() == "<"+subject+">" {
						alive++
					}
				}
				if listed := len(machines[0].idsOf(subject)); listed != 3 || alive != 3 {
					t.Errorf("%d sessions are listed and %d clients are signed in, want 3", listed, alive)
				}
				if refuse && signedIn != 3 {
					t.Errorf("%d were told that they are signed in, want 3", signedIn)
				}
			}
		})
	}
}

// At whatever step of a sign-in another comes in between, on another machine, no
// more are left than may be: also where the session that signs in once more, and
// so has its place, is ended and another takes it.
func TestSecurity_LC11_ASignInWithinAnotherTakesNobodysPlace(t *testing.T) {
	for name, begin := range map[string]act{"a new session": idle, "a guest's": set(t, "k", 1), "one that ends": login(t, "u")} {
		for _, refuse := range []bool{false, true} {
			for step, reached := 0, true; reached; step++ {
				reached = false
				tap := newTap()
				cfg := session.Config{MaxSessions: 1, RefuseLogin: refuse}
				p, q := probeOver(t, tap, cfg), probeOver(t, tap, cfg)
				c, other := p.client().must(begin), q.client()
				c.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					ends := s.Subject() != ""
					must(t, s.Login("u"))
					tap.at(step, false, func() {
						reached = true
						if ends {
							must(t, q.m.Revoke(context.Background(), s.ID()))
						}
						other.visit(login(t, "u"))
					})
				})
				tap.put(nil)
				alive := 0
				for _, c := range []*client{c, other} {
					if strings.HasPrefix(c.state(), "<u>") {
						alive++
					}
				}
				what := fmt.Sprintf("%s, refuse %v, step %d", name, refuse, step)
				if listed := len(p.idsOf("u")); listed != 1 || alive != 1 {
					t.Errorf("%s: %d sessions are listed and %d clients are signed in, want 1", what, listed, alive)
				}
				// No place is left behind.
				if _, err := p.m.RevokeAll(t.Context(), "u"); err != nil {
					t.Fatal(err)
				}
				p.client().must(login(t, "u")).wants("<u>")
				if !reached && step < 3 {
					t.Errorf("%s: there are no more steps", what)
				}
			}
		}
	}
}
