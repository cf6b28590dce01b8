package session_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

// An Observer may end a session for a reused token: so a client that has no more
// than the ID, which is public, must not be able to make one.
func TestSecurity_DT3_AReplacedTokenIsToldFromAMadeUpOne(t *testing.T) {
	steps := map[string]func(t *testing.T, c *client){
		"login": func(t *testing.T, c *client) { c.must(login(t, "u")) },
		"renew": func(t *testing.T, c *client) { c.must(renew(t)) },
		"reauthenticate": func(t *testing.T, c *client) {
			c.must(succeed(t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(1) }))
		},
		"rotation": func(t *testing.T, c *client) {
			time.Sleep(20 * time.Minute)
			c.must(idle).must(idle)
		},
	}
	for name, replace := range steps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProbe(t, session.Config{RotateEvery: 20 * time.Minute, Lifetime: 24 * time.Hour})
				c := p.client().must(login(t, "u"))
				id, _ := rawToken(t, c.token())
				presented := func(token string) session.Event {
					t.Helper()
					p.saw()
					p.with(token).wants(anonymous)
					events := p.saw()
					if len(events) != 1 || events[0].ID != id {
						t.Fatalf("the events are %+v", events)
					}
					return events[0]
				}
				var replaced []string
				for range 16 {
					replaced = append(replaced, c.token())
					replace(t, c)
					time.Sleep(2 * time.Minute)
					c.must(set(t, "k", len(replaced)))
					for i, token := range replaced {
						if e := presented(token); e.Kind != session.EventReused || e.Subject != "u" {
							t.Errorf("token %d of %d: %+v", i+1, len(replaced), e)
						}
					}
					if e := presented(c.token()[:22] + forgedToken()[22:]); e.Kind != session.EventUnknown || e.Subject != "" {
						t.Errorf("a made-up one: %+v", e)
					}
				}
				first := replaced[0]
				for range 40 { // then it is forgotten, and the record does not grow
					replace(t, c)
					time.Sleep(2 * time.Minute)
				}
				if e := presented(first); e.Kind != session.EventUnknown {
					t.Errorf("the first, long after: %+v", e)
				}
				records := p.tap.given()
				if n := len(records[len(records)-1].Data); n > 1000 {
					t.Errorf("the record has %d bytes", n)
				}
				if c.state() != "<u> k=16" {
					t.Errorf("the session is %q", c.state())
				}
			})
		})
	}
}
