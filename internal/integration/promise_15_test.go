package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/b4468f51/session"
)

// watchCfg looks often, where the store does not tell.
var watchCfg = session.Config{WatchInterval: 250 * time.Millisecond, MaxSessions: 2}

// heardWithin is how soon a stream has to hear of something on machines that other tests use too.
const heardWithin = 20 * time.Second

// A streamed is a stream of a client on a machine.
type streamed struct {
	t     *testing.T
	lines *bufio.Scanner
	end   context.CancelFunc
	token string // of its session
}

// stream opens a stream, which says "open", "changed" and what the session then holds, and at last
// why it has ended.
func (e *env) stream(m *machine, c *client) *streamed {
	e.t.Helper()
	m.mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		s := m.FromContext(r.Context())
		if r.URL.RawQuery == "renew" {
			if err := errors.Join(s.Renew(), s.Save(r.Context())); err != nil {
				http.Error(w, err.Error(), session.ErrorStatus(err))
				return
			}
		}
		watch, err := s.Watch(r.Context())
		if err != nil {
			http.Error(w, err.Error(), session.ErrorStatus(err))
			return
		}
		say := func(what string) {
			fmt.Fprintln(w, what)
			http.NewResponseController(w).Flush()
		}
		say("open")
		for {
			select {
			case <-watch.Changed():
				if err := s.Reload(r.Context()); err == nil {
					say("changed: " + describe(s))
				}
			case <-watch.Done():
				say(fmt.Sprint("ended: ", context.Cause(watch) == session.ErrEnded))
				return
			}
		}
	})
	return e.openStream(m, c.token(e.machines[0]), "")
}

func (e *env) openStream(m *machine, token, query string) *streamed {
	e.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.server.URL+"/stream?"+query, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Cookie", cookieName(m)+"="+token)
	res, err := (&http.Client{Transport: m.server.Client().Transport}).Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { res.Body.Close() })
	s := &streamed{e.t, bufio.NewScanner(res.Body), cancel, token}
	for _, ck := range res.Cookies() {
		if ck.Name == cookieName(m) {
			s.token = ck.Value
		}
	}
	s.says("open")
	return s
}

// says waits for a line of the stream.
func (s *streamed) says(want string) {
	s.t.Helper()
	if got := s.next(); got != want {
		s.t.Errorf("the stream says %q, want %q", got, want)
	}
}

// comesTo waits for a line of the stream. Before it, a look may have found what a cache has.
func (s *streamed) comesTo(want string) {
	s.t.Helper()
	for s.next() != want {
	}
}

// next returns the next line of the stream.
func (s *streamed) next() string {
	s.t.Helper()
	late := time.AfterFunc(heardWithin, s.end)
	defer late.Stop()
	if !s.lines.Scan() {
		s.t.Fatalf("the stream says nothing within %v: %v", heardWithin, s.lines.Err())
	}
	return s.lines.Text()
}

// watchMachines returns the machine of a stream, and the one where something happens to its session:
// the same one, or another of two.
func (e *env) watchMachines(where string) (m, other *machine) {
	m = e.newMachine(watchCfg)
	if where == "two machines" {
		return m, e.newMachine(watchCfg)
	}
	return m, m
}

func theEndIsHeard(t *testing.T, e *env) {
	for _, where := range []string{"one machine", "two machines"} {
		for _, ending := range endings {
			e.rule(ending.name+", "+where, func(t *testing.T, e *env) {
				m, other := e.watchMachines(where)
				c, id := e.signedIn(m, "u")
				s := e.stream(m, c)
				ending.end(other, c.asOn(other, m), id)
				s.says("ended: true")
			})
		}
		e.rule("evicted, "+where, func(t *testing.T, e *env) {
			m, other := e.watchMachines(where)
			c, _ := e.signedIn(m, "u")
			s := e.stream(m, c)
			for range 2 {
				time.Sleep(2 * time.Millisecond) // sign-ins of one millisecond are in no order
				e.signedIn(other, "u")
			}
			s.says("ended: true")
		})
		e.rule("a change, "+where, func(t *testing.T, e *env) {
			m, other := e.watchMachines(where)
			c, _ := e.signedIn(m, "u")
			s := e.stream(m, c)
			for i := range 3 {
				c.asOn(other, m).get(other, fmt.Sprint("/set?n=", i)).want("the change", http.StatusOK, "")
				s.comesTo(fmt.Sprintf("changed: u map[n:%d]", i))
			}
		})
	}
	e.rule("expired", func(t *testing.T, e *env) {
		cfg := watchCfg
		cfg.IdleTimeout, cfg.TouchInterval = 2*time.Second, time.Second
		m := e.newMachine(cfg)
		c, _ := e.signedIn(m, "u")
		e.stream(m, c).says("ended: true")
	})
	e.rule("its own renewal ends a stream of before, and not its own", func(t *testing.T, e *env) {
		m, other := e.newMachine(watchCfg), e.newMachine(watchCfg)
		c, id := e.signedIn(m, "u")
		s := e.stream(m, c)
		for i := range 10 {
			renewed := e.openStream(m, s.token, "renew")
			s.comesTo("ended: true")
			if err := other.Edit(t.Context(), id, func(s *session.Session) error { return s.Set("n", fmt.Sprint(i)) }); err != nil {
				t.Fatal(err)
			}
			renewed.comesTo(fmt.Sprintf("changed: u map[n:%d]", i))
			s = renewed
		}
	})
	e.rule("a dead store ends nobody, and what happened meanwhile is heard", func(t *testing.T, e *env) {
		m, other := e.newMachine(watchCfg), e.newMachine(watchCfg)
		c, id := e.signedIn(m, "u")
		d, _ := e.signedIn(m, "v")
		gone, stays := e.stream(m, c), e.openStream(m, d.token(m), "")
		m.store.fail("LoadAll", "Load")
		changes := 0
		poll(t, "the outage is reported", func() bool {
			changes++ // a look may have been under way: then there is the next
			c.asOn(other, m).get(other, fmt.Sprint("/set?n=", changes)).want("a change", http.StatusOK, "")
			return m.events.count(session.EventWatchFailed) > 0
		})
		if err := other.Revoke(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		m.store.heal()
		gone.comesTo("ended: true")
		d.asOn(other, m).get(other, "/set?still=here").want("the other session", http.StatusOK, "")
		stays.comesTo("changed: v map[still:here]")
	})
}

// sealedEndsHeard holds what can be known of sessions that are in their cookies.
func sealedEndsHeard(t *testing.T, e *env) {
	e.rule("revoked with all of its subject", func(t *testing.T, e *env) {
		m, other := e.newMachine(sealedWatchCfg()), e.newMachine(sealedWatchCfg())
		c, _ := e.sealedClient(m)
		s := e.stream(m, c)
		if _, err := other.RevokeAll(t.Context(), "u"); err != nil {
			t.Fatal(err)
		}
		s.says("ended: true")
	})
	e.rule("expired", func(t *testing.T, e *env) {
		cfg := sealedWatchCfg()
		cfg.IdleTimeout, cfg.TouchInterval = 2*time.Second, time.Second
		m := e.newMachine(cfg)
		c, _ := e.sealedClient(m)
		e.stream(m, c).says("ended: true")
	})
}

func sealedWatchCfg() session.Config {
	cfg := watchCfg
	cfg.MaxSessions = 0 // sealed sessions cannot be counted
	return cfg
}

// asOn returns the client with its cookie of one machine for another.
func (c *client) asOn(other, of *machine) *client {
	if other == of {
		return c
	}
	token := c.token(of)
	copied := &client{c.t, &http.Client{Transport: withCookie{cookieName(other) + "=" + token, other.server.Client().Transport}}}
	return copied
}

// withCookie sends a cookie with each request.
type withCookie struct {
	cookie string
	under  http.RoundTripper
}

func (w withCookie) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Cookie", w.cookie)
	return w.under.RoundTrip(r)
}
