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
)

func TestSecurity_LC11_TheOldestSignInGivesWayToANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{MaxSessions: 2})
		first := p.Client().Must(probe.Login(t, "u"))
		time.Sleep(time.Second)
		second := p.Client().Must(probe.Login(t, "u"))
		another := p.Client().Must(probe.Login(t, "v"))
		time.Sleep(time.Second)
		first.Must(probe.Login(t, "u")) // is now the newest
		time.Sleep(time.Second)
		third := p.Client().Must(probe.Login(t, "u"))
		first.Wants("<u>")
		second.Wants(probe.Anonymous)
		third.Wants("<u>")
		another.Wants("<v>")
	})
}

// However many sign in at once, no more are left than may be, and each of those
// has a client.
func TestSecurity_LC11_ParallelLoginsLeaveNoMoreThanMaxSessions(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		t.Run(fmt.Sprintf("refuse %v", refuse), func(t *testing.T) {
			tap := probe.NewTap()
			machines := []*probe.Probe{}
			for range 3 {
				machines = append(machines, probe.Over(t, tap, session.Config{MaxSessions: 3, RefuseLogin: refuse}))
			}
			for round := range 10 {
				subject := fmt.Sprint("u", round)
				var clients []*probe.Client
				for i := range 20 {
					clients = append(clients, machines[i%3].Client())
				}
				var mu sync.Mutex
				signedIn := 0
				var wg sync.WaitGroup
				for _, c := range clients {
					wg.Go(func() {
						res := c.Visit(probe.Login(t, subject))
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
					if c.State() == "<"+subject+">" {
						alive++
					}
				}
				if listed := len(machines[0].IDsOf(subject)); listed != 3 || alive != 3 {
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
	for name, begin := range map[string]probe.Act{"a new session": probe.Idle, "a guest's": probe.Set(t, "k", 1), "one that ends": probe.Login(t, "u")} {
		for _, refuse := range []bool{false, true} {
			for step, reached := 0, true; reached; step++ {
				reached = false
				tap := probe.NewTap()
				cfg := session.Config{MaxSessions: 1, RefuseLogin: refuse}
				p, q := probe.Over(t, tap, cfg), probe.Over(t, tap, cfg)
				c, other := p.Client().Must(begin), q.Client()
				c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					ends := s.Subject() != ""
					probe.Must(t, s.Login("u"))
					tap.At(step, false, func() {
						reached = true
						if ends {
							probe.Must(t, q.M.Revoke(context.Background(), s.ID()))
						}
						other.Visit(probe.Login(t, "u"))
					})
				})
				tap.Put(nil)
				alive := 0
				for _, c := range []*probe.Client{c, other} {
					if strings.HasPrefix(c.State(), "<u>") {
						alive++
					}
				}
				what := fmt.Sprintf("%s, refuse %v, step %d", name, refuse, step)
				if listed := len(p.IDsOf("u")); listed != 1 || alive != 1 {
					t.Errorf("%s: %d sessions are listed and %d clients are signed in, want 1", what, listed, alive)
				}
				// No place is left behind.
				if _, err := p.M.RevokeAll(t.Context(), "u"); err != nil {
					t.Fatal(err)
				}
				p.Client().Must(probe.Login(t, "u")).Wants("<u>")
				if !reached && step < 3 {
					t.Errorf("%s: there are no more steps", what)
				}
			}
		}
	}
}
