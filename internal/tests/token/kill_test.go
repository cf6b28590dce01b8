package token

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// signings are what replaces a token.
var signings = map[string]func(s *session.Session) error{
	"login":          func(s *session.Session) error { return s.Login("u") },
	"reauthenticate": func(s *session.Session) error { return s.Reauthenticate(1) },
	"renew":          (*session.Session).Renew,
	"lifetime":       func(s *session.Session) error { return s.SetLifetime(session.Lifetime{Persistent: true}) },
}

// However often one handler replaces the token, that is one token more to tell from
// a stolen one: requests with the tokens of the last eight handlers are stale.
func TestOneCommitKillsOnce(t *testing.T) {
	for _, names := range [][]string{
		{"login", "lifetime", "reauthenticate"}, {"renew", "renew", "renew"}, {"lifetime", "renew", "lifetime"},
		{"reauthenticate", "login", "renew", "lifetime"}, {"lifetime", "lifetime", "reauthenticate", "login"},
	} {
		t.Run(fmt.Sprint(names), func(t *testing.T) {
			p := probe.New(t, session.Config{})
			c := p.Client().Must(probe.Login(t, "u"))
			var late []*probe.Client
			for range 8 {
				late = append(late, p.With(c.Token()))
				c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					for _, name := range names {
						probe.Must(t, signings[name](s))
					}
				})
			}
			for i, old := range late {
				p.Saw()
				token := old.Token()
				old.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if err := s.Set("k", 1); !errors.Is(err, session.ErrEnded) {
						t.Errorf("Set with token %d: %v, want ErrEnded", i, err)
					}
				})
				if got := p.Heard(); got != "stale token, change not saved" || old.Token() != token {
					t.Errorf("with token %d the events are %q, and the client's cookie changes: %v", i, got, old.Token() != token)
				}
			}
			c.Wants("<u>")
		})
	}
}

// Whatever replaces a token in one commit, the client gets one that is good, and
// stays so.
func TestTheTokenOfOneCommitIsGood(t *testing.T) {
	for begin, first := range map[string]probe.Act{"no session": nil, "a visitor": probe.Set(t, "k", 1), "a user": probe.Login(t, "u"), "another": probe.Login(t, "v")} {
		for a := range signings {
			for b := range signings {
				for d := range signings {
					synctest.Test(t, func(t *testing.T) {
						p := probe.New(t, session.Config{})
						c := p.Client()
						if first != nil {
							c.Must(first)
						}
						old, replaced := c.Token(), false
						res := c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
							defer func() { probe.Must(t, s.Set("last", 1)) }()
							for _, name := range []string{a, b, d} {
								err := signings[name](s)
								replaced = replaced || err == nil
								if (err != nil) != (name == "reauthenticate" && s.Subject() == "") {
									t.Errorf("%s of %s: %v", name, begin, err)
								}
							}
						})
						what := fmt.Sprint(begin, ": ", a, b, d)
						if res.StatusCode != http.StatusOK {
							t.Errorf("%s: status %d", what, res.StatusCode)
						}
						if token := c.Token(); (token != old) != (replaced || old == "") {
							t.Errorf("%s: a new token: %v", what, token != old)
						}
						want := c.State()
						for range 3 {
							time.Sleep(50 * time.Minute)
							if got := c.State(); got != want || !strings.HasSuffix(got, "last=1") {
								t.Errorf("%s: the session is %q, then %q", what, want, got)
							}
						}
						if replaced && old != "" {
							p.With(old).Wants(probe.Anonymous)
						}
					})
				}
			}
		}
	}
}
