package checklist

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// An Observer may end a session for a reused token: so a client that has no more
// than the ID, which is public, must not be able to make one.
func TestSecurity_DT3_AReplacedTokenIsToldFromAMadeUpOne(t *testing.T) {
	steps := map[string]func(t *testing.T, c *probe.Client){
		"login": func(t *testing.T, c *probe.Client) { c.Must(probe.Login(t, "u")) },
		"renew": func(t *testing.T, c *probe.Client) { c.Must(probe.Renew(t)) },
		"reauthenticate": func(t *testing.T, c *probe.Client) {
			c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(1) }))
		},
		"rotation": func(t *testing.T, c *probe.Client) {
			time.Sleep(20 * time.Minute)
			c.Must(probe.Idle).Must(probe.Idle)
		},
	}
	for name, replace := range steps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, session.Config{RotateEvery: 20 * time.Minute, Lifetime: 24 * time.Hour})
				c := p.Client().Must(probe.Login(t, "u"))
				id, _ := probe.RawToken(t, c.Token())
				presented := func(token string) session.Event {
					t.Helper()
					p.Saw()
					p.With(token).Wants(probe.Anonymous)
					events := p.Saw()
					if len(events) != 1 || events[0].ID != id {
						t.Fatalf("the events are %+v", events)
					}
					return events[0]
				}
				var replaced []string
				for range 16 {
					replaced = append(replaced, c.Token())
					replace(t, c)
					time.Sleep(2 * time.Minute)
					c.Must(probe.Set(t, "k", len(replaced)))
					for i, token := range replaced {
						if e := presented(token); e.Kind != session.EventReused || e.Subject != "u" {
							t.Errorf("token %d of %d: %+v", i+1, len(replaced), e)
						}
					}
					if e := presented(c.Token()[:22] + probe.ForgedToken()[22:]); e.Kind != session.EventUnknown || e.Subject != "" {
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
				records := p.Tap.Given()
				if n := len(records[len(records)-1].Data); n > 1000 {
					t.Errorf("the record has %d bytes", n)
				}
				if c.State() != "<u> k=16" {
					t.Errorf("the session is %q", c.State())
				}
			})
		})
	}
}
