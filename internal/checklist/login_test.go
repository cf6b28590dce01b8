package checklist

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestSecurity_LC1_AuthenticationReplacesTheToken(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "cart", 3))
	tokens := []string{c.Token()}
	id, _ := probe.RawToken(t, tokens[0])
	for name, f := range map[string]probe.Act{"login": probe.Login(t, "u"), "again": probe.Login(t, "u"), "renew": probe.Renew(t)} {
		c.Must(f)
		if slices.Contains(tokens, c.Token()) {
			t.Errorf("%s: the client holds a token of before", name)
		}
		if now, _ := probe.RawToken(t, c.Token()); now != id {
			t.Errorf("%s: the public ID changed", name)
		}
		tokens = append(tokens, c.Token())
	}
	c.Wants("<u> cart=3")
	for _, old := range tokens[:3] {
		p.With(old).Wants(probe.Anonymous)
	}
	c.Must(probe.Login(t, "another")).Wants("<another>") // nothing of u is left
}

func TestSecurity_LC2_TheOldTokenIsDeadAtOnce(t *testing.T) {
	for name, f := range map[string]probe.Act{"login": probe.Login(t, "u"), "renew": probe.Renew(t)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, session.Config{Grace: time.Minute})
				c := p.Client().Must(probe.Login(t, "u")).Must(probe.Set(t, "k", 1))
				old := c.Token()
				c.Must(f)
				for _, later := range []time.Duration{0, time.Millisecond, 59 * time.Second, 2 * time.Second, 10 * time.Minute} {
					time.Sleep(later)
					o := p.With(old)
					o.Wants(probe.Anonymous)
					if o.Token() != old {
						t.Error("a dead token's client had its cookie changed: another tab may have set it")
					}
				}
				c.Wants("<u> k=1")
			})
		})
	}
}

func TestSecurity_LC2_NoFaultLeavesTheOldTokenRaised(t *testing.T) {
	down := errors.New("the store is down")
	for what, f := range map[string]func(s *session.Session) error{
		"login": func(s *session.Session) error { return s.Login("u") },
		"renew": func(s *session.Session) error { return s.Renew() },
	} {
		for _, lost := range []bool{false, true} {
			for first := range 4 { // the call of the request that meets the fault
				for _, lasting := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s lost=%v first=%d lasting=%v", what, lost, first, lasting), func(t *testing.T) {
						p := probe.New(t, session.Config{})
						c := p.Client().Must(probe.Set(t, "k", 1))
						guest := c.Token()
						n := 0
						p.Tap.Put(func(_ context.Context, _ string, do func() error) error {
							met := n == first || lasting && n > first
							n++
							if !met {
								return do()
							}
							if lost {
								do()
							}
							return down
						})
						res := c.Visit(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
							if err := f(s); err != nil {
								t.Error(err)
							}
						})
						p.Tap.Put(nil)
						if res.StatusCode != 200 && (res.StatusCode != http.StatusServiceUnavailable || len(res.Cookies()) != 0) {
							t.Errorf("a fault was answered with %d %v", res.StatusCode, res.Cookies())
						}
						if res.StatusCode != 200 && c.Token() != guest {
							t.Error("the client's cookie is another after a failure")
						}
						if got := p.With(guest).State(); got != probe.Anonymous && got != "<> k=1" {
							t.Errorf("the guest's token opens %q", got)
						}
						if res.StatusCode == 200 {
							if c.Token() == guest {
								t.Fatal("success without a new token")
							}
							p.With(guest).Wants(probe.Anonymous)
							c.Wants(map[string]string{"login": "<u> k=1", "renew": "<> k=1"}[what])
						}
					})
				}
			}
		}
	}
}

func TestSecurity_LC2_NobodySeesSignedInDataUnderTheOldToken(t *testing.T) {
	p := probe.New(t, session.Config{})
	for range 5 {
		c := p.Client().Must(probe.Set(t, "k", 1))
		guest := c.Token()
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 50 {
			wg.Go(func() {
				<-start
				if got := p.With(guest).State(); got != "<> k=1" && got != probe.Anonymous {
					t.Errorf("the guest's token opens %q", got)
				}
			})
		}
		wg.Go(func() {
			<-start
			c.Must(probe.Login(t, "u"))
			c.Must(probe.Set(t, "secret", true))
		})
		close(start)
		wg.Wait()
		p.With(guest).Wants(probe.Anonymous)
		c.Wants("<u> k=1 secret=true")
	}
}

func TestSecurity_LC3_ASlowRequestBringsNothingBack(t *testing.T) {
	ends := map[string]func(p *probe.Probe, c *probe.Client, id session.ID) error{
		"destroy": func(p *probe.Probe, c *probe.Client, _ session.ID) error { c.Must(probe.Logout(p.T)); return nil },
		"renew":   func(p *probe.Probe, c *probe.Client, _ session.ID) error { c.Must(probe.Renew(p.T)); return nil },
		"login":   func(p *probe.Probe, c *probe.Client, _ session.ID) error { c.Must(probe.Login(p.T, "u")); return nil },
		"revoke": func(p *probe.Probe, _ *probe.Client, id session.ID) error {
			return p.M.Revoke(context.Background(), id)
		},
		"revokeAll": func(p *probe.Probe, _ *probe.Client, _ session.ID) error {
			_, err := p.M.RevokeAll(context.Background(), "u")
			return err
		},
	}
	late := map[string]struct {
		f      func(s *session.Session) error
		status int
	}{
		"nothing": {func(*session.Session) error { return nil }, 200},
		"set":     {func(s *session.Session) error { return s.Set("late", 1) }, 409},
		"clear":   {func(s *session.Session) error { return s.Clear() }, 409},
		"renew":   {func(s *session.Session) error { return s.Renew() }, 409},
	}
	for end, finish := range ends {
		for what, change := range late {
			t.Run(end+" "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { // deadlocks are errors there
					p := probe.New(t, session.Config{RotateEvery: 2 * time.Minute})
					c := p.Client().Must(probe.Login(t, "u")).Must(probe.Set(t, "k", 1))
					token := c.Token()
					id, _ := probe.RawToken(t, token)
					time.Sleep(3 * time.Minute) // a touch is due, and a rotation
					slow := p.With(token)
					loaded, ended := make(chan struct{}), make(chan struct{})
					var wg sync.WaitGroup
					wg.Go(func() {
						res := slow.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
							close(loaded)
							<-ended
							if err := change.f(s); err != nil {
								t.Error(err) // nobody can know yet
							}
						})
						if res.StatusCode != change.status || len(res.Header["Set-Cookie"]) != 0 {
							t.Errorf("the slow request: %d %q, want %d and no cookie", res.StatusCode, res.Header["Set-Cookie"], change.status)
						}
					})
					<-loaded
					if err := finish(p, c, id); err != nil {
						t.Error(err)
					}
					close(ended)
					wg.Wait()
					p.With(token).Wants(probe.Anonymous)
					infos, err := probe.Collect(p.M.List(t.Context(), "u"))
					if alive := end == "renew" || end == "login"; err != nil || (len(infos) == 1) != alive {
						t.Errorf("the sessions are %v, %v", infos, err)
					} else if alive {
						c.Wants("<u> k=1")
					}
				})
			})
		}
	}
}

func TestSecurity_LC12_ReauthenticationTellsWhenAndHowAndBeginsBothTimersAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u")).Must(probe.Set(t, "k", 1))
		old, begun := c.Token(), time.Now()
		p.Saw()
		time.Sleep(10 * time.Minute)
		var deadline time.Time
		c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if at := s.AuthenticatedAt(); !at.Equal(begun.Truncate(time.Millisecond)) || s.Level() != 0 {
				t.Errorf("before: at %v, level %d", at, s.Level())
			}
			deadline = s.Deadline()
			probe.Must(t, s.Reauthenticate(2))
			if !s.AuthenticatedAt().Equal(time.Now().Truncate(time.Millisecond)) || s.Level() != 2 || !s.Deadline().Equal(deadline.Add(10*time.Minute)) {
				t.Errorf("at once: at %v, level %d, until %v", s.AuthenticatedAt(), s.Level(), s.Deadline())
			}
		})
		if info, now := p.Only("u"), time.Now(); info.Level != 2 || !info.AuthenticatedAt.Equal(now) ||
			!info.Expires.Equal(now.Add(time.Hour)) || !info.Deadline.Equal(deadline.Add(10*time.Minute)) {
			t.Errorf("listed as %+v", info)
		}
		if got := p.Heard(); got != "reauthenticated" {
			t.Errorf("the events are %s", got)
		}
		if c.Token() == old {
			t.Error("the token is as it was")
		}
		c.Wants("<u> k=1")
		p.With(old).Wants(probe.Anonymous)
		c.Must(probe.Renew(t)).Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Level() != 2 {
				t.Errorf("a renewal leaves level %d", s.Level())
			}
		})
		c.Must(probe.Login(t, "u")).Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Level() != 0 {
				t.Errorf("a sign-in leaves level %d", s.Level())
			}
		})
	})
}
