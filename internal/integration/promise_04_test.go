package integration

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

func lateChangesSaved(t *testing.T, e *env) {
	e.rule("at return", lateAtReturn)
	e.rule("at Save, while the stream goes on", lateAtSave)
	e.rule("what needs a cookie is refused", lateCookie)
	e.rule("logout while streaming", lateDestroy)
	e.rule("one that fails aborts the response", lateFails)
	e.rule("one of a session that has ended aborts the response", lateEnded)
	e.rule("after a hijack", afterHijack)
	e.rule("after the handler returned", afterReturn)
	e.rule("Edit in the background", edit)
}

// stream sends the first byte, and makes sure that it has left.
func stream(t *testing.T, w http.ResponseWriter) {
	if _, err := io.WriteString(w, "first"); err != nil {
		t.Error(err)
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		t.Error(err)
	}
}

func lateAtReturn(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	m.handle("/late", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("early", "1"); err != nil {
			t.Error(err)
		}
		stream(t, w)
		c.get(m, "/read").want("with the first byte", http.StatusOK, "u map[early:1]")
		if err := errors.Join(s.Set("late", "2"), number.Update(s, plusOne), s.Delete("early")); err != nil {
			t.Error(err)
		}
		c.get(m, "/read").want("before the return", http.StatusOK, "u map[early:1]")
	})
	a := c.get(m, "/late")
	a.want("the stream", http.StatusOK, "first")
	a.wantNoCookie("the stream")
	c.get(m, "/read").want("after the return", http.StatusOK, "u map[late:2 n:1]")
}

func lateAtSave(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	m.handle("/late", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		stream(t, w)
		for _, want := range []string{"u map[n:1]", "u map[n:2]"} {
			if err := errors.Join(number.Update(s, plusOne), s.Save(r.Context())); err != nil {
				t.Error(err)
			}
			c.get(m, "/read").want("while the stream runs", http.StatusOK, want)
		}
		if _, err := io.WriteString(w, " last"); err != nil {
			t.Error(err)
		}
	})
	c.get(m, "/late").want("the stream", http.StatusOK, "first last")
}

func lateCookie(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	refused := func(what string, err error) {
		if !errors.Is(err, session.ErrHeadersSent) {
			t.Errorf("%s after the first byte: %v", what, err)
		}
	}
	m.handle("/late", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		stream(t, w)
		refused("Login", s.Login("v"))
		if s.Subject() == "u" {
			refused("Renew", s.Renew())
			return
		}
		refused("Set of a new session", s.Set("k", "v"))
		refused("Update of a new session", number.Update(s, plusOne))
	})
	calls := m.store.during(func() {
		e.newClient().get(m, "/late").want("a new session", http.StatusOK, "first")
	})
	equal(t, "calls of the store", len(calls), 0)
	c, id := e.signedIn(m, "u")
	before, _ := e.record(id)
	c.get(m, "/late").want("a stored session", http.StatusOK, "first")
	after, _ := e.record(id)
	equal(t, "the version", after.Version, before.Version)
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[]")

	// Set before the first byte that never comes, but for a Save that cannot
	// tell the client.
	m.handle("/start", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := errors.Join(s.Set("k", "v"), s.Save(r.Context())); err != nil {
			t.Error(err)
		}
		stream(t, w)
		if err := s.Set("late", "v"); err != nil {
			t.Errorf("Set of a session whose cookie left with the first byte: %v", err)
		}
	})
	c = e.newClient()
	c.get(m, "/start").newToken("a session that was saved before")
	c.get(m, "/read").want("afterwards", http.StatusOK, "nobody map[k:v late:v]")
}

func lateDestroy(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	m.handle("/late", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		stream(t, w)
		if err := s.Destroy(r.Context()); err != nil {
			t.Error(err)
		}
		if _, there := e.record(id); there {
			t.Error("the record is there after Destroy")
		}
		if err := s.Set("k", "v"); !errors.Is(err, session.ErrHeadersSent) {
			t.Errorf("Set after a late Destroy: %v", err)
		}
	})
	a := c.get(m, "/late")
	a.want("the stream", http.StatusOK, "first")
	a.wantNoCookie("the stream")
	equal(t, "records", e.live(), 0)
	c.get(m, "/read").want("afterwards", http.StatusOK, nobody)
}

// wantAborted checks that the client can tell that something is missing.
func (a answer) wantAborted(body string) {
	a.t.Helper()
	if !errors.Is(a.err, io.ErrUnexpectedEOF) || a.status != http.StatusOK || a.body != body {
		a.t.Errorf("got %d %q, error %v; want %q cut off", a.status, a.body, a.err, body)
	}
}

func lateFails(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	m.handle("/late", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		stream(t, w)
		if err := s.Set("late", "1"); err != nil {
			t.Error(err)
		}
		m.store.fail("Save")
	})
	c.get(m, "/late").wantAborted("first")
	m.store.heal()
	equal(t, "failures reported", m.events.count(session.EventCommitFailed), 1)
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[]")
}

func lateEnded(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	for i, ending := range endings {
		c, id := e.signedIn(m, "u")
		token := c.token(m)
		m.handle("/"+id.String(), func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			stream(t, w)
			if err := s.Set("late", "1"); err != nil {
				t.Error(err)
			}
			ending.end(m, c, id)
		})
		m.as(token, "/"+id.String()).wantAborted("first")
		equal(t, "failures reported", m.events.count(session.EventCommitFailed), i+1)
		if err := m.Revoke(t.Context(), id); err != nil { // the next one is to be alone
			t.Error(err)
		}
	}
}

func afterHijack(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	m.handle("/hijack", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Set("early", "1"); err != nil {
			t.Error(err)
		}
		before, _ := e.record(id)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if after, _ := e.record(id); after.Version == before.Version {
			t.Error("Hijack has not committed")
		}
		io.WriteString(rw, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhijacked")
		rw.Flush()
		if err := errors.Join(s.Set("saved", "2"), s.Save(r.Context()), s.Set("late", "3")); err != nil {
			t.Error(err)
		}
	})
	c.get(m, "/hijack").want("what was hijacked", http.StatusOK, "hijacked")
	m.running.Wait()
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[early:1 late:3 saved:2]")
}

func afterReturn(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	kept := make(chan *session.Session, 1)
	m.handle("/keep", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("k", "v"); err != nil {
			t.Error(err)
		}
		kept <- s
	})
	c.get(m, "/keep").want("the request", http.StatusOK, "")
	m.running.Wait()
	s := <-kept
	before, _ := e.record(id)
	for name, err := range map[string]error{
		"Set": s.Set("a", 1), "Delete": s.Delete("k"), "Clear": s.Clear(), "Update": number.Update(s, plusOne),
		"Login": s.Login("v"), "Renew": s.Renew(), "Save": s.Save(t.Context()),
		"Destroy": s.Destroy(t.Context()), "Touch": s.Touch(t.Context()),
	} {
		if !errors.Is(err, session.ErrDone) {
			t.Errorf("%s after the handler returned: %v", name, err)
		}
	}
	equal(t, "Pop after the handler returned", s.Pop("k"), nil)
	equal(t, "what is read then", describe(s), "u map[k:v]")
	after, _ := e.record(id)
	equal(t, "the version", after.Version, before.Version)
}

func edit(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	before, _ := e.record(id)
	var kept *session.Session
	err := m.Edit(t.Context(), id, func(s *session.Session) error {
		kept = s
		c.get(m, "/set?meanwhile=1").want("a request meanwhile", http.StatusOK, "")
		for name, err := range map[string]error{"Login": s.Login("v"), "Renew": s.Renew()} {
			if !errors.Is(err, session.ErrHeadersSent) {
				t.Errorf("%s in Edit: %v", name, err)
			}
		}
		return errors.Join(s.Set("background", "2"), number.Update(s, plusOne))
	})
	if err != nil {
		t.Errorf("Edit: %v", err)
	}
	c.get(m, "/read").want("after Edit", http.StatusOK, "u map[background:2 meanwhile:1 n:1]")
	after, _ := e.record(id)
	equal(t, "the deadline", after.Deadline, before.Deadline)
	if err := kept.Set("k", "v"); !errors.Is(err, session.ErrDone) {
		t.Errorf("Set after Edit: %v", err)
	}

	// A use meanwhile stays written, and Edit is none.
	e.age(id, 50*time.Minute)
	var used store.Record
	err = m.Edit(t.Context(), id, func(s *session.Session) error {
		c.get(m, "/read").want("a use meanwhile", http.StatusOK, "u map[background:2 meanwhile:1 n:1]")
		used, _ = e.record(id)
		return number.Update(s, plusOne)
	})
	if err != nil {
		t.Errorf("Edit: %v", err)
	}
	after, _ = e.record(id)
	equal(t, "when it was seen", after.Seen, used.Seen)
	equal(t, "when it expires", after.Expires, used.Expires)
	if n := time.Since(used.Seen); n > time.Minute {
		t.Errorf("the use was not written: it was seen %v ago", n)
	}

	fails := errors.New("the job failed")
	err = m.Edit(t.Context(), id, func(s *session.Session) error { return errors.Join(s.Set("k", "v"), fails) })
	if !errors.Is(err, fails) {
		t.Errorf("Edit with an error of its function: %v", err)
	}
	same, _ := e.record(id)
	equal(t, "the version after that", same.Version, after.Version)
	if err := m.Edit(t.Context(), store.ID{1}, func(*session.Session) error { return nil }); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Edit of what never was: %v", err)
	}
}
