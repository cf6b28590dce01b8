package session_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

func TestSecurity_LC12_ReauthenticationTellsWhenAndHowAndBeginsBothTimersAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u")).must(set(t, "k", 1))
		old, begun := c.token(), time.Now()
		p.saw()
		time.Sleep(10 * time.Minute)
		var deadline time.Time
		c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if at := s.AuthenticatedAt(); !at.Equal(begun.Truncate(time.Millisecond)) || s.Level() != 0 {
				t.Errorf("before: at %v, level %d", at, s.Level())
			}
			deadline = s.Deadline()
			must(t, s.Reauthenticate(2))
			if !s.AuthenticatedAt().Equal(time.Now().Truncate(time.Millisecond)) || s.Level() != 2 || !s.Deadline().Equal(deadline.Add(10*time.Minute)) {
				t.Errorf("at once: at %v, level %d, until %v", s.AuthenticatedAt(), s.Level(), s.Deadline())
			}
		})
		if info, now := p.only("u"), time.Now(); info.Level != 2 || !info.AuthenticatedAt.Equal(now) ||
			!info.Expires.Equal(now.Add(time.Hour)) || !info.Deadline.Equal(deadline.Add(10*time.Minute)) {
			t.Errorf("listed as %+v", info)
		}
		if got := p.heard(); got != "reauthenticated" {
			t.Errorf("the events are %s", got)
		}
		if c.token() == old {
			t.Error("the token is as it was")
		}
		c.wants("<u> k=1")
		p.with(old).wants(anonymous)
		c.must(renew(t)).must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Level() != 2 {
				t.Errorf("a renewal leaves level %d", s.Level())
			}
		})
		c.must(login(t, "u")).must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Level() != 0 {
				t.Errorf("a sign-in leaves level %d", s.Level())
			}
		})
	})
}

func TestReauthenticateRefuses(t *testing.T) {
	p := newProbe(t, session.Config{})
	p.client().must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Reauthenticate(1); err == nil {
			t.Error("an anonymous session was reauthenticated")
		}
	})
	p.client().must(login(t, "u")).must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for _, level := range []int{-1, 256} {
			if err := s.Reauthenticate(level); err == nil {
				t.Errorf("level %d is accepted", level)
			}
		}
	})
	if err := (*session.Session)(nil).Reauthenticate(1); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("on nil: %v", err)
	}

	// A sign-in, a sign-out and a revocation that come first are final: whoever
	// proved that they are u does not get into what is another's by now.
	for name, first := range map[string]func(c *client, id session.ID){
		"another sign-in": func(c *client, _ session.ID) { c.must(login(t, "v")) },
		"a sign-out":      func(c *client, _ session.ID) { c.must(logout(t)) },
		"a revocation":    func(_ *client, id session.ID) { must(t, p.m.Revoke(t.Context(), id)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := p.client().must(login(t, "u"))
			slow := p.with(c.token())
			res := slow.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				first(c, s.ID())
				must(t, s.Reauthenticate(1))
			})
			if res.StatusCode != http.StatusConflict || sessionCookie(res) != nil {
				t.Errorf("the answer is %d %q", res.StatusCode, res.Header["Set-Cookie"])
			}
		})
	}
}
