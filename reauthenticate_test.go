package session_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/b4468f51/session"
)

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
