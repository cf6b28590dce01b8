package integration

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/b4468f51/session"
)

// firstBytes are the ways in which a handler lets the first byte of its answer
// go, and what it is told of that.
var firstBytes = []struct {
	name string
	send func(w http.ResponseWriter) error
	told bool // whether send can return an error
}{
	{"return", func(http.ResponseWriter) error { return nil }, false},
	{"status", func(w http.ResponseWriter) error { w.WriteHeader(http.StatusCreated); return nil }, false},
	{"redirect", func(w http.ResponseWriter) error { w.WriteHeader(http.StatusSeeOther); return nil }, false},
	{"client error", func(w http.ResponseWriter) error { w.WriteHeader(http.StatusNotFound); return nil }, false},
	{"write", func(w http.ResponseWriter) error { _, err := w.Write([]byte("hello ")); return err }, true},
	{"write string", func(w http.ResponseWriter) error { _, err := io.WriteString(w, "hello "); return err }, true},
	{"read from", func(w http.ResponseWriter) error {
		_, err := io.Copy(w, io.LimitReader(strings.NewReader("hello world"), 6))
		return err
	}, true},
	{"flush", func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() }, true},
	{"flush of old", func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil }, false},
	{"hijack", func(w http.ResponseWriter) error {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
		return err
	}, true},
}

func nothingShownUnsaved(t *testing.T, e *env) {
	e.rule("the answer is replaced", func(t *testing.T, e *env) {
		for _, first := range firstBytes {
			for _, dead := range []string{"writing fails", "everything fails"} {
				for _, client := range []string{"a stored session", "a new session"} {
					if first.name == "hijack" && client == "a new session" {
						continue // which needs a cookie: see promise 12
					}
					t.Run(strings.Join([]string{first.name, dead, client}, ", "), func(t *testing.T) {
						replaced(t, e, first.send, first.told, dead == "everything fails", client == "a new session")
					})
				}
			}
		}
	})
	e.rule("for changes of every kind", everyKindOfChange)
	e.rule("a panic of update at the merge", updatePanicsAtMerge)
	e.rule("the retry of a client finds what the first try left", retryAfterFailure)
}

// replaced checks the answer to a handler whose changes cannot be saved.
func replaced(t *testing.T, e *env, send func(http.ResponseWriter) error, told, dead, anonymous bool) {
	m := e.build(session.Config{Cookie: session.Cookie{Insecure: true}})
	// A middleware outside of ours sets a cookie of its own.
	inner := m.server.Config.Handler
	m.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "outer=1")
		inner.ServeHTTP(w, r)
	})
	m.server.Start()
	c := e.newClient()
	if !anonymous {
		c, _ = e.signedIn(m, "u")
	}
	token := c.token(m)
	before := e.live()
	m.handle("/save", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("k", "v"); err != nil {
			t.Error(err)
		}
		for name, val := range map[string]string{
			"Content-Type": "application/json", "Content-Length": "11", "Content-Encoding": "gzip",
			"Etag": `"1"`, "Last-Modified": "Mon, 02 Jan 2006 15:04:05 GMT", "Location": "/saved",
			"Cache-Control": "public, max-age=60", "Set-Cookie": "mine=1", "X-Mine": "dropped",
		} {
			w.Header().Set(name, val)
		}
		if dead {
			m.store.fail()
		} else {
			m.store.fail("Save", "Create")
		}
		if err := send(w); told && !errors.Is(err, errDown) {
			t.Errorf("the handler is told %v", err)
		}
		w.WriteHeader(http.StatusOK)
		if n, err := w.Write([]byte("world")); told && (n != 0 || !errors.Is(err, errDown)) {
			t.Errorf("a later write: %d bytes, error %v", n, err)
		}
	})
	a := c.get(m, "/save")
	m.store.heal()
	a.wantError("the answer", http.StatusServiceUnavailable)
	for name, want := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Content-Length": "20", "Content-Encoding": "",
		"Etag": "", "Last-Modified": "", "Location": "",
		"Cache-Control": "no-store", "Set-Cookie": "outer=1", "X-Mine": "",
	} {
		equal(t, name, strings.Join(a.header.Values(name), " | "), want)
	}
	equal(t, "failures reported", m.events.count(session.EventCommitFailed), 1)
	equal(t, "what the client holds", c.token(m), token)
	equal(t, "records", e.live(), before)
	if !anonymous {
		c.get(m, "/read").want("afterwards", http.StatusOK, "u map[]")
	}
}

// everyKindOfChange fails for the changes that set a cookie, too.
func everyKindOfChange(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	c.get(m, "/set?k=v").want("set", http.StatusOK, "")
	token := c.token(m)
	for name, change := range map[string]func(s *session.Session) error{
		"login":  func(s *session.Session) error { return s.Login("u") },
		"renew":  func(s *session.Session) error { return s.Renew() },
		"delete": func(s *session.Session) error { return s.Delete("k") },
		"clear":  func(s *session.Session) error { return s.Clear() },
		"pop":    func(s *session.Session) error { s.Pop("k"); return nil },
		"update": func(s *session.Session) error { return number.Update(s, plusOne) },
	} {
		m.handle("/"+name+"-fails", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := change(s); err != nil {
				t.Error(err)
			}
			io.WriteString(w, "done")
		})
		m.store.fail("Save")
		c.get(m, "/"+name+"-fails").wantError(name, http.StatusServiceUnavailable)
		m.store.heal()
		equal(t, "what the client holds", c.token(m), token)
		c.get(m, "/read").want("afterwards", http.StatusOK, "u map[k:v]")
	}
}

// updatePanicsAtMerge lets a middleware inside of ours catch the panic, and go
// on as if nothing had happened.
func updatePanicsAtMerge(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	bad := func(s *session.Session) error {
		return number.Update(s, func(n int) (int, error) {
			if n > 0 {
				panic("a bug of the application")
			}
			return n + 1, nil
		})
	}
	outer := func(inside func(w http.ResponseWriter)) handler {
		return func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := errors.Join(s.Delete("n"), s.Save(t.Context()), s.Set("beside", "1"), bad(s)); err != nil {
				t.Error(err)
			}
			c.get(m, "/inner").want("the request within", http.StatusOK, "")
			inside(w)
		}
	}
	m.handle("/inner", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := number.Set(s, 5); err != nil {
			t.Error(err)
		}
	})
	m.handle("/uncaught", outer(func(w http.ResponseWriter) { io.WriteString(w, "saved") }))
	if a := c.post(m, "/uncaught"); a.err == nil {
		t.Errorf("the answer is %d %q", a.status, a.body)
	}
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[n:5]")
	m.handle("/caught", outer(func(w http.ResponseWriter) {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is gone")
				}
			}()
			io.WriteString(w, "saved")
		}()
		io.WriteString(w, "saved")
	}))
	if a := c.post(m, "/caught"); a.status == http.StatusOK && a.err == nil {
		t.Errorf("the answer is %d %q, and nothing was saved", a.status, a.body)
	}
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[n:5]")
}

func retryAfterFailure(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c := e.newClient()
	m.store.fail("Create")
	c.get(m, "/set?k=v").wantError("the first try", http.StatusServiceUnavailable)
	m.store.heal()
	c.get(m, "/set?k=v").newToken("the second")
	c.get(m, "/read").want("afterwards", http.StatusOK, "nobody map[k:v]")
	equal(t, "records", e.live(), 1)
}
