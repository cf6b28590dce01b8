package accounts

import (
	"errors"
	"net/http"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestReauthenticateRefuses(t *testing.T) {
	p := probe.New(t, session.Config{})
	p.Client().Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Reauthenticate(1); err == nil {
			t.Error("an anonymous session was reauthenticated")
		}
	})
	p.Client().Must(probe.Login(t, "u")).Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
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
	for name, first := range map[string]func(c *probe.Client, id session.ID){
		"another sign-in": func(c *probe.Client, _ session.ID) { c.Must(probe.Login(t, "v")) },
		"a sign-out":      func(c *probe.Client, _ session.ID) { c.Must(probe.Logout(t)) },
		"a revocation":    func(_ *probe.Client, id session.ID) { probe.Must(t, p.M.Revoke(t.Context(), id)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := p.Client().Must(probe.Login(t, "u"))
			slow := p.With(c.Token())
			res := slow.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				first(c, s.ID())
				probe.Must(t, s.Reauthenticate(1))
			})
			if res.StatusCode != http.StatusConflict || probe.SessionCookie(res) != nil {
				t.Errorf("the answer is %d %q", res.StatusCode, res.Header["Set-Cookie"])
			}
		})
	}
}
