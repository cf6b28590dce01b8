package integration

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

func hangUpLosesNothing(t *testing.T, e *env) {
	e.rule("the client cancels while the handler runs", clientCancels)
	e.rule("logout and revocation go on", logoutGoesOn)
	e.rule("a store that hangs is cut short", storeHangs)
}

// abandon makes a request, and hangs up as soon as its handler runs. The
// handler's work begins once the server knows, and abandon waits for its end.
func (c *client) abandon(m *machine, path string, work handler) {
	c.t.Helper()
	ctx, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	m.handle(path, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		hangUp()
		<-r.Context().Done()
		work(w, r, s)
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.server.URL+path, nil)
	if err != nil {
		c.t.Error(err)
	}
	if a := c.do(m, req); !errors.Is(a.err, context.Canceled) {
		c.t.Errorf("the client did not hang up: %d %q, error %v", a.status, a.body, a.err)
	}
	m.running.Wait()
}

func clientCancels(t *testing.T, e *env) {
	for name, work := range map[string]handler{
		"first byte": func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.Set("k", "v"); err != nil {
				t.Error(err)
			}
			io.WriteString(w, "lost")
		},
		"return": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.Set("k", "v"); err != nil {
				t.Error(err)
			}
		},
		"late": func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			w.(http.Flusher).Flush()
			if err := s.Set("k", "v"); err != nil {
				t.Error(err)
			}
		},
		"Save": func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := errors.Join(s.Set("k", "v"), s.Save(r.Context())); err != nil {
				t.Error(err)
			}
		},
		"merge": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.Set("k", "v"); err != nil {
				t.Error(err)
			}
			e.rewrite(s.ID(), func(*store.Record) {})
		},
	} {
		m := e.newMachine(session.Config{})
		c, _ := e.signedIn(m, "u")
		c.abandon(m, "/abandon", work)
		c.get(m, "/read").want(name, http.StatusOK, "u map[k:v]")
		equal(t, "failures reported: "+name, m.events.count(session.EventCommitFailed), 0)
	}
	// A touch goes on as well.
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	e.age(id, 30*time.Minute)
	calls := m.store.during(func() {
		c.abandon(m, "/abandon", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Get("k") })
	})
	equal(t, "touches", calls["Touch"], 1)
	if rec, _ := e.record(id); time.Since(rec.Seen) > time.Minute {
		t.Errorf("the touch is lost: seen %v ago", time.Since(rec.Seen))
	}
}

func logoutGoesOn(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	c.abandon(m, "/abandon", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Destroy(r.Context()); err != nil {
			t.Error(err)
		}
	})
	equal(t, "records after Destroy", e.live(), 0)
	_, id := e.signedIn(m, "u")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Revoke(cancelled, id); err != nil {
		t.Error(err)
	}
	equal(t, "records after Revoke", e.live(), 0)
}

func storeHangs(t *testing.T, e *env) {
	const limit = 150 * time.Millisecond
	calm := e.newMachine(session.Config{}) // does what is not to be cut short
	for _, c := range []struct {
		hangs, path string
		cfg         session.Config
		status      int
		kind        session.EventKind
	}{
		{"Load", "/none", session.Config{LoadTimeout: limit}, http.StatusServiceUnavailable, session.EventLoadFailed},
		{"Save", "/set?k=v", session.Config{CommitTimeout: limit}, http.StatusServiceUnavailable, session.EventCommitFailed},
		{"Touch", "/none", session.Config{CommitTimeout: limit}, http.StatusOK, session.EventTouchFailed},
	} {
		m := e.newMachine(c.cfg)
		client, id := e.signedIn(calm, "u")
		e.age(id, 30*time.Minute)
		m.store.hang(c.hangs)
		begin := time.Now()
		a := client.get(m, c.path)
		took := time.Since(begin)
		m.store.heal()
		if a.status != c.status || took < limit || took > 4*time.Second {
			t.Errorf("%s hangs: got %d after %v, want %d after %v", c.hangs, a.status, took, c.status, limit)
		}
		a.wantNoCookie(c.hangs)
		equal(t, "reports that "+c.hangs+" failed", m.events.count(c.kind), 1)
		client.get(calm, "/read").want("afterwards", http.StatusOK, "u map[]")
	}

	// Destroy says that it did not happen.
	m := e.newMachine(session.Config{CommitTimeout: limit})
	c, _ := e.signedIn(calm, "u")
	m.store.hang("Delete")
	a := c.get(m, "/logout")
	m.store.heal()
	equal(t, "the status of a logout that hangs", a.status, http.StatusServiceUnavailable)
	a.wantNoCookie("a logout that hangs")
	c.get(calm, "/read").want("afterwards", http.StatusOK, "u map[]")
}
