package integration

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
)

func readingIsFree(t *testing.T, e *env) {
	e.rule("the price of everything", prices)
	e.rule("a touch is due once per interval", touchOnce)
	e.rule("a touch that fails is no error answer", touchFails)
	e.rule("a passive request is no use", passiveRequest)
	e.rule("a thousand anonymous requests leave nothing", anonymousFlood)
	e.rule("what was not used does not vary", varies)
}

// prices counts the calls of the store that a request makes.
func prices(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	m.handle("/undone", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for _, err := range []error{s.Delete("none"), s.Set("k", 1), s.Delete("k"), s.Clear()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	m.handle("/look", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		_, ok := number.Get(s)
		_, popped := number.Pop(s)
		if s.Get("none") != nil || ok || popped || s.Pop("none") != nil || s.ID().IsZero() || s.Delete("none") != nil {
			t.Error("there is something")
		}
		describe(s)
		_, _, _ = s.IsNew(), s.Expires(), s.AuthenticatedAt()
	})
	for _, p := range []struct {
		path         string
		anonymous    string
		signedIn     string
		sets, resets bool // a cookie, where anonymous and where signed in
	}{
		{"/none", "map[]", "map[Load:1]", false, false},
		{"/read", "map[]", "map[Load:1]", false, false},
		{"/look", "map[]", "map[Load:1]", false, false},
		{"/undone", "map[]", "map[Load:1 Save:1]", false, false}, // Clear removes what others set, too
		{"/set?k=v", "map[Create:1]", "map[Load:1 Save:1]", true, false},
		{"/login?u", "map[Create:1 Load:1]", "map[Load:2 Save:1]", true, true}, // and whether RevokeAll was called
		{"/renew", "map[]", "map[Load:1 Save:1]", false, true},
		{"/logout", "map[]", "map[Delete:1 Load:1]", false, true},
	} {
		c := e.newClient()
		check := func(who, want string, sets bool) {
			var a answer
			calls := m.store.during(func() { a = c.get(m, p.path) })
			equal(t, p.path+" of "+who+" calls the store", fmt.Sprint(calls), want)
			equal(t, p.path+" of "+who+" sets cookies", len(a.tokens) > 0, sets)
			equal(t, p.path+" of "+who+" is answered", a.status, http.StatusOK)
		}
		check("nobody", p.anonymous, p.sets)
		c, _ = e.signedIn(m, "u")
		check("a client", p.signedIn, p.resets)
	}
}

func touchOnce(t *testing.T, e *env) {
	m := e.newMachine(session.Config{IdleTimeout: time.Hour, TouchInterval: 10 * time.Minute})
	c, id := e.signedIn(m, "u")
	for round := range 2 {
		e.age(id, 9*time.Minute)
		before, _ := e.record(id)
		calls := m.store.during(func() { c.get(m, "/read") })
		equal(t, "within the interval", fmt.Sprint(calls), "map[Load:1]")
		e.age(id, 2*time.Minute)
		for i := range 3 {
			calls := m.store.during(func() { c.get(m, "/read").wantNoCookie("a touch") })
			want := "map[Load:1]"
			if i == 0 {
				want = "map[Load:1 Touch:1]"
			}
			equal(t, fmt.Sprintf("round %d, read %d after it", round, i), fmt.Sprint(calls), want)
		}
		after, _ := e.record(id)
		if d := time.Until(after.Expires); d < 59*time.Minute || d > time.Hour {
			t.Errorf("the session expires in %v", d)
		}
		if !after.Deadline.Before(before.Deadline) { // it was aged, and a touch does not mend that
			t.Errorf("a touch moves the deadline from %v to %v", before.Deadline, after.Deadline)
		}
	}
	// A write is a sign of life as well.
	e.age(id, 11*time.Minute)
	calls := m.store.during(func() { c.get(m, "/set?k=v") })
	equal(t, "a write after the interval", fmt.Sprint(calls), "map[Load:1 Save:1]")
	calls = m.store.during(func() { c.get(m, "/read") })
	equal(t, "a read after the write", fmt.Sprint(calls), "map[Load:1]")
}

func passiveRequest(t *testing.T, e *env) {
	m := e.newMachine(session.Config{Passive: func(r *http.Request) bool { return r.URL.Query().Has("poll") }})
	c, id := e.signedIn(m, "u")
	e.age(id, 50*time.Minute)
	before, _ := e.record(id)
	for _, p := range []struct{ path, calls string }{{"/read?poll", "map[Load:1]"}, {"/set?poll=1", "map[Load:1 Save:1]"}} {
		calls := m.store.during(func() { c.get(m, p.path).wantNoCookie(p.path) })
		equal(t, p.path+" calls the store", fmt.Sprint(calls), p.calls)
		after, _ := e.record(id)
		equal(t, "seen after "+p.path, after.Seen, before.Seen)
		equal(t, "expires after "+p.path, after.Expires, before.Expires)
	}
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[poll:1]")
	if after, _ := e.record(id); !after.Seen.After(before.Seen) {
		t.Error("no request counts as use any more")
	}
}

func touchFails(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	for _, age := range []time.Duration{30 * time.Minute, 29*time.Minute + 30*time.Second} { // the second is nearly over: touched before the handler
		e.age(id, age)
		m.store.fail("Touch")
		before := m.events.count(session.EventTouchFailed)
		a := c.get(m, "/read")
		m.store.heal()
		a.want("with a touch that fails", http.StatusOK, "u map[]")
		a.wantNoCookie("with a touch that fails")
		if m.events.count(session.EventTouchFailed) == before {
			t.Error("the failure is not reported")
		}
	}
	calls := m.store.during(func() { c.get(m, "/read").want("the next", http.StatusOK, "u map[]") })
	equal(t, "touches of the next", calls["Touch"], 1)
}

func anonymousFlood(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	calls := m.store.during(func() {
		var clients sync.WaitGroup
		for range 10 {
			clients.Go(func() {
				c := e.newClient()
				for i := range 100 {
					a := c.get(m, []string{"/none", "/read", "/logout", "/renew"}[i%4])
					equal(t, "the status", a.status, http.StatusOK)
					a.wantNoCookie("anonymous")
				}
			})
		}
		clients.Wait()
	})
	equal(t, "calls of the store", fmt.Sprint(calls), "map[]")
	equal(t, "events", len(m.events.list()), 0)
}

func varies(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	for path, nobody := range map[string]string{"/none": "", "/read": "Cookie"} {
		equal(t, "Vary of "+path, c.get(m, path).header.Get("Vary"), "Cookie")
		equal(t, "Vary of "+path+" for nobody", e.newClient().get(m, path).header.Get("Vary"), nobody)
	}
}
