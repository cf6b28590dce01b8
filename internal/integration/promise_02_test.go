package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// endings are the ways in which a session, or the token of a request, ends
// while the request runs. Each is done to the client's session, by a machine.
var endings = []struct {
	name string
	gone bool // the record too
	end  func(m *machine, c *client, id store.ID)
}{
	{"destroyed", true, func(m *machine, c *client, _ store.ID) {
		c.get(m, "/logout").want("logout", http.StatusOK, "")
	}},
	{"revoked", true, func(m *machine, c *client, id store.ID) {
		if err := m.Revoke(c.t.Context(), id); err != nil {
			c.t.Error(err)
		}
	}},
	{"revoked with all of its subject", true, func(m *machine, c *client, _ store.ID) {
		if n, err := m.RevokeAll(c.t.Context(), "u"); err != nil || n != 1 {
			c.t.Errorf("RevokeAll: %d sessions, error %v", n, err)
		}
	}},
	{"renewed", false, func(m *machine, c *client, _ store.ID) {
		c.get(m, "/renew").newToken("renew")
	}},
	{"signed in anew", false, func(m *machine, c *client, _ store.ID) {
		c.get(m, "/login?u").newToken("login")
	}},
}

// works are what the request in flight does.
var works = []struct {
	name   string
	status int
	cfg    session.Config
	calls  string // the method of the store that it comes to in any case
	work   func(s *session.Session) error
}{
	{"write", http.StatusConflict, session.Config{}, "Save", func(s *session.Session) error { return s.Set("k", "v") }},
	{"update", http.StatusConflict, session.Config{}, "Save", func(s *session.Session) error { return number.Update(s, plusOne) }},
	{"pop", http.StatusConflict, session.Config{}, "Save", func(s *session.Session) error { s.Pop("a"); return nil }},
	{"renew", http.StatusConflict, session.Config{}, "Save", func(s *session.Session) error { return s.Renew() }},
	{"read", http.StatusOK, session.Config{TouchInterval: 6 * time.Hour}, "Load", reads},
	{"idle touch", http.StatusOK, session.Config{}, "Touch", reads},
	{"rotation", http.StatusOK, session.Config{RotateEvery: time.Hour}, "Save", reads},
}

func reads(s *session.Session) error {
	if s.Get("a") != "1" {
		return errors.New("the session was not loaded")
	}
	return nil
}

func logoutIsFinal(t *testing.T, e *env) {
	for i, w := range works {
		for _, where := range []string{"one machine", "two machines"} {
			e.rule(w.name+" in flight, "+where, func(t *testing.T, e *env) {
				w.cfg.IdleTimeout = 12 * time.Hour
				m := e.newMachine(w.cfg)
				other := m
				if where == "two machines" {
					other = e.newMachine(session.Config{IdleTimeout: 12 * time.Hour})
				}
				for _, ending := range endings {
					t.Run(ending.name, func(t *testing.T) { inFlight(t, e, m, other, i, ending.end, ending.gone) })
				}
			})
		}
	}
	e.rule("destroyed between load and save of the store", endedInTheStore)
	e.rule("a stream is told", streamIsTold)
	e.rule("edit in the background", editEnded)
	e.rule("a stale token is anonymous, and changes nothing", staleToken)
	e.rule("after the grace a killed token is reported", reusedToken)
	e.rule("what is set after destroy is another session", afterDestroy)
}

// inFlight ends a session, at the other machine, while a request to m works on it.
func inFlight(t *testing.T, e *env, m, other *machine, work int, end func(*machine, *client, store.ID), gone bool) {
	w := works[work]
	c, id := e.signedIn(m, "u")
	c.get(m, "/set?a=1").want("set", http.StatusOK, "")
	e.age(id, 2*time.Hour)
	token, path := c.token(m), "/"+id.String()
	var after store.Record
	m.handle(path, func(out http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := w.work(s); err != nil {
			t.Error(err)
		}
		end(other, c, id)
		after, _ = e.record(id)
		if w.status == http.StatusOK {
			io.WriteString(out, "read")
		}
	})
	var a answer
	calls := m.store.during(func() { a = m.as(token, path) })
	equal(t, "the status", a.status, w.status)
	a.wantNoCookie("the request in flight")
	if calls[w.calls] == 0 {
		t.Errorf("the request in flight calls %v of the store, and no %s", calls, w.calls)
	}
	rec, there := e.record(id)
	equal(t, "the record is there", there, !gone)
	equal(t, "its version", rec.Version, after.Version)
	other.as(token, "/read").want("the old token", http.StatusOK, nobody)
	if gone {
		equal(t, "records", e.live(), 0)
	} else {
		c.get(other, "/read").want("the new token", http.StatusOK, "u map[a:1]")
		if err := other.Revoke(t.Context(), id); err != nil { // the next one is to be alone
			t.Error(err)
		}
	}
}

// endedInTheStore ends the session at the last moment: before the store runs
// what the commit asks for.
func endedInTheStore(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	for _, path := range []string{"/set?k=v", "/read"} {
		c, id := e.signedIn(m, "u")
		e.age(id, 30*time.Minute)
		m.store.interfere(func(ctx context.Context, _ string, _ store.ID) error { return e.side.Delete(ctx, id) }, "Save", "Touch")
		a := c.get(m, path)
		m.store.heal()
		if path == "/set?k=v" {
			a.wantError(path, http.StatusConflict)
		} else {
			a.want(path, http.StatusOK, "u map[]")
		}
		a.wantNoCookie(path)
		equal(t, "records", e.live(), 0)
	}
}

func streamIsTold(t *testing.T, e *env) {
	m, other := e.newMachine(session.Config{}), e.newMachine(session.Config{})
	for i, ending := range endings {
		c, id := e.signedIn(m, "u")
		path := fmt.Sprint("/stream", i)
		m.handle(path, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			w.(http.Flusher).Flush()
			if err := s.Touch(r.Context()); err != nil {
				t.Errorf("Touch of a live session: %v", err)
			}
			ending.end(other, c, id)
			if err := s.Touch(r.Context()); !errors.Is(err, session.ErrEnded) {
				t.Errorf("Touch of a session that was %s: %v", ending.name, err)
			}
			if err := s.Set("k", "v"); !errors.Is(err, session.ErrEnded) {
				t.Errorf("Set afterwards: %v", err)
			}
		})
		m.as(c.token(m), path).wantNoCookie(ending.name)
		if err := m.Revoke(t.Context(), id); err != nil { // for RevokeAll's count
			t.Error(err)
		}
	}
}

func editEnded(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	err := m.Edit(t.Context(), id, func(s *session.Session) error {
		c.get(m, "/logout").want("logout", http.StatusOK, "")
		return s.Set("k", "v")
	})
	if !errors.Is(err, session.ErrEnded) {
		t.Errorf("Edit of a session that was destroyed meanwhile: %v", err)
	}
	equal(t, "records", e.live(), 0)
	if err := m.Edit(t.Context(), id, func(*session.Session) error { return nil }); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Edit of a session that was destroyed before: %v", err)
	}
}

func staleToken(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	c.get(m, "/set?k=v").want("set", http.StatusOK, "")
	old := c.token(m)
	c.get(m, "/renew").newToken("renew")
	before, _ := e.record(id)
	m.handle("/stale", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		equal(t, "what a stale token sees", describe(s), nobody)
		for name, err := range map[string]error{
			"Set": s.Set("a", 1), "Update": number.Update(s, plusOne), "Renew": s.Renew(), "Clear": s.Clear(),
			"Save": s.Save(r.Context()), "Destroy": s.Destroy(r.Context()), "Touch": s.Touch(r.Context()),
		} {
			if !errors.Is(err, session.ErrEnded) {
				t.Errorf("%s with a stale token: %v", name, err)
			}
		}
	})
	a := m.as(old, "/stale")
	a.want("a stale token", http.StatusOK, "")
	a.wantNoCookie("a stale token")
	equal(t, "stale tokens reported", m.events.count(session.EventStale), 1)
	after, _ := e.record(id)
	equal(t, "the version", after.Version, before.Version)

	fresh := m.as(old, "/login?v").newToken("login with a stale token")
	if idOf(t, fresh) == id {
		t.Error("login with a stale token takes up the old session")
	}
	m.as(fresh, "/read").want("the fresh session", http.StatusOK, "v map[]")
	c.get(m, "/read").want("the old session", http.StatusOK, "u map[k:v]")
}

func reusedToken(t *testing.T, e *env) {
	m := e.newMachine(session.Config{Grace: time.Minute})
	c, id := e.signedIn(m, "u")
	old := c.token(m)
	c.get(m, "/renew").newToken("renew")
	e.age(id, 2*time.Minute)
	a := m.as(old, "/set?k=v")
	equal(t, "reused tokens reported", m.events.count(session.EventReused), 1)
	equal(t, "stale tokens reported", m.events.count(session.EventStale), 0)
	if fresh := idOf(t, a.newToken("a write with a reused token")); fresh == id {
		t.Error("a reused token is let in")
	}
	c.get(m, "/read").want("the session itself", http.StatusOK, "u map[]")
}

func afterDestroy(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	old := c.token(m)
	m.handle("/again", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := errors.Join(s.Set("a", "1"), s.Destroy(r.Context()), s.Set("b", "2")); err != nil {
			t.Error(err)
		}
		if _, there := e.record(id); there {
			t.Error("the record is there after Destroy")
		}
	})
	c.get(m, "/again").newToken("destroy and set")
	c.get(m, "/read").want("the session after", http.StatusOK, "nobody map[b:2]")
	m.as(old, "/read").want("the session before", http.StatusOK, nobody)
	equal(t, "records", e.live(), 1)

	a := c.get(m, "/logout")
	if len(a.tokens) != 1 || a.tokens[0] != "" {
		t.Errorf("logout sets the cookies %q, want it cleared", a.tokens)
	}
	equal(t, "what the client holds then", c.token(m), "")
	equal(t, "records at last", e.live(), 0)
}
