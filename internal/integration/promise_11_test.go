package integration

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

func deadStore(t *testing.T, e *env) {
	e.rule("load fails", func(t *testing.T, e *env) {
		loadFails(t, e, session.Config{}, func(m *machine) { m.store.fail("Load") })
	})
	e.rule("everything fails", func(t *testing.T, e *env) {
		loadFails(t, e, session.Config{}, func(m *machine) { m.store.fail() })
	})
	e.rule("load hangs", func(t *testing.T, e *env) {
		loadFails(t, e, session.Config{LoadTimeout: 20 * time.Millisecond}, func(m *machine) { m.store.hang("Load") })
	})
	e.rule("load panics", loadPanics)
	e.rule("nobody needs no store", nobodyNeedsNoStore)
	e.rule("logout fails", logoutFails)
	e.rule("without the middleware", withoutMiddleware)
	e.rule("an administrator is told", administratorIsTold)
}

func loadFails(t *testing.T, e *env, cfg session.Config, kill func(m *machine)) {
	m := e.newMachine(cfg)
	m.handle("/runs", func(http.ResponseWriter, *http.Request, *session.Session) { t.Error("the handler runs") })
	c, id := e.signedIn(m, "u")
	token := c.token(m)
	before, _ := e.record(id)
	kill(m)
	paths := []string{"/runs", "/read", "/set?k=v", "/login?v", "/renew", "/logout"}
	for _, path := range paths {
		a := c.get(m, path)
		a.wantError(path, http.StatusServiceUnavailable)
		equal(t, "Cache-Control", a.header.Get("Cache-Control"), "no-store")
	}
	m.store.heal()
	equal(t, "reports", m.events.count(session.EventLoadFailed), len(paths))
	for _, ev := range m.events.list() {
		if ev.Kind == session.EventLoadFailed && ev.ID != id {
			t.Errorf("the report is of %v, want %v", ev.ID, id)
		}
	}
	after, _ := e.record(id)
	equal(t, "the version", after.Version, before.Version)
	equal(t, "records", e.live(), 1)
	equal(t, "what the client holds", c.token(m), token)
	if cfg.LoadTimeout > 0 {
		m = e.newMachine(session.Config{}) // which takes its time
	}
	c.get(m, "/read").want("after the recovery", http.StatusOK, "u map[]")
}

func loadPanics(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	m.store.interfere(func(context.Context, string, store.ID) error { panic("a bug of the store") }, "Load")
	if a := c.post(m, "/read"); a.err == nil {
		t.Errorf("the answer is %d %q", a.status, a.body)
	}
	m.store.heal()
	c.get(m, "/read").want("after the recovery", http.StatusOK, "u map[]")
}

func nobodyNeedsNoStore(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	m.store.fail()
	e.newClient().get(m, "/read").want("no token", http.StatusOK, nobody)
	m.as("malformed", "/read").want("a malformed token", http.StatusOK, nobody)
	e.newClient().get(m, "/set?k=v").wantError("a write", http.StatusServiceUnavailable)
}

// logoutFails signs nobody out on the screen alone.
func logoutFails(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	token := c.token(m)
	m.store.fail("Delete")
	a := c.get(m, "/logout")
	m.store.heal()
	equal(t, "the status", a.status, http.StatusServiceUnavailable)
	a.wantNoCookie("a logout that fails")
	equal(t, "what the client holds", c.token(m), token)
	equal(t, "reports of a logout", m.events.count(session.EventDestroyed), 0)
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[]")
	c.get(m, "/logout").want("logout again", http.StatusOK, "")
	equal(t, "records", e.live(), 0)
}

func withoutMiddleware(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", "id="+c.token(m))
	m.store.fail()
	s, err := m.Load(r)
	if s != nil || !errors.Is(err, errDown) || session.ErrorStatus(err) != http.StatusServiceUnavailable {
		t.Errorf("Load: %v, error %v, status %d", s, err, session.ErrorStatus(err))
	}
	header := make(http.Header)
	if _, err := m.Start(headerWriter{header}, r); !errors.Is(err, errDown) || len(header["Set-Cookie"]) > 0 {
		t.Errorf("Start: error %v, header %v", err, header)
	}
	if err := m.Destroy(headerWriter{header}, r); !errors.Is(err, errDown) || len(header["Set-Cookie"]) > 0 {
		t.Errorf("Destroy: error %v, header %v", err, header)
	}
	m.store.heal()
	if s, err = m.Load(r); err != nil || describe(s) != "u map[]" {
		t.Errorf("Load after the recovery: %v, error %v", s, err)
	}
}

// A headerWriter takes headers alone.
type headerWriter struct{ header http.Header }

func (w headerWriter) Header() http.Header         { return w.header }
func (w headerWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w headerWriter) WriteHeader(int)             {}

func administratorIsTold(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	m.store.fail()
	_, listErr := collect(m.List(t.Context(), "u"))
	n, allErr := m.RevokeAll(t.Context(), "u")
	for name, err := range map[string]error{
		"List": listErr, "RevokeAll": allErr, "Revoke": m.Revoke(t.Context(), id),
		"Edit": m.Edit(t.Context(), id, func(*session.Session) error { t.Error("the function runs"); return nil }),
	} {
		if !errors.Is(err, errDown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	equal(t, "sessions revoked", n, 0)
	m.store.fail("Delete", "DeleteSubject")
	if n, err := m.RevokeAll(t.Context(), "u"); n != 0 || !errors.Is(err, errDown) {
		t.Errorf("RevokeAll: %d sessions, error %v", n, err)
	}
	m.store.heal()
	equal(t, "reports of a revocation", m.events.count(session.EventRevoked), 0)
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[]")
}
