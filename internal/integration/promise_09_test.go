package integration

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
)

// rotating is a session that lasts for days, and whose token is replaced hourly.
var rotating = session.Config{
	Lifetime: 96 * time.Hour, IdleTimeout: 48 * time.Hour, RotateEvery: time.Hour, Grace: time.Minute,
}

func renewedBreaksNobody(t *testing.T, e *env) {
	e.rule("a rotation is gentle", gentleRotation)
	e.rule("a lost answer is issued again", lostAnswer)
	e.rule("requests that rotate together get one token", rotateTogether)
	e.rule("a rotation that fails is tried again", rotationFails)
	e.rule("never on a request with Upgrade", noRotationOnUpgrade)
	e.rule("what survives", survives)
}

// due returns a client whose token is due for rotation.
func (e *env) due(m *machine) (c *client, token string) {
	c, id := e.signedIn(m, "u")
	c.get(m, "/set?k=v").want("set", http.StatusOK, "")
	e.age(id, 2*time.Hour)
	return c, c.token(m)
}

// good checks that a token is good for the session.
func (m *machine) good(what, token string) answer {
	m.t.Helper()
	a := m.as(token, "/read")
	a.want(what, http.StatusOK, "u map[k:v]")
	return a
}

func gentleRotation(t *testing.T, e *env) {
	m, other := e.newMachine(rotating), e.newMachine(rotating)
	_, old := e.due(m)
	id := idOf(t, old)
	fresh := m.good("the old token when due", old).newToken("the rotation")
	if fresh == old || idOf(t, fresh) != id {
		t.Errorf("the token %q becomes %q: want the ID the same, and another secret", old, fresh)
	}
	equal(t, "rotations reported", m.events.count(session.EventRotated), 1)
	other.good("the old token while its successor is pending", old).wantNoCookie("while pending")

	other.good("the new token", fresh).wantNoCookie("the confirmation")
	e.age(id, 50*time.Second)
	m.good("the old token within the grace", old).wantNoCookie("within the grace")
	m.good("the new token within the grace", fresh)
	e.age(id, 11*time.Second)
	a := m.as(old, "/read")
	a.want("the old token after the grace", http.StatusOK, nobody)
	a.wantNoCookie("the old token after the grace")
	equal(t, "reused tokens reported", m.events.count(session.EventReused), 1)
	m.good("the new token after the grace", fresh).wantNoCookie("the new token")

	e.age(id, time.Hour)
	if third := m.good("the new token when it is due", fresh).newToken("the next rotation"); third == fresh {
		t.Error("the next rotation issues the same token")
	}
}

func lostAnswer(t *testing.T, e *env) {
	m := e.newMachine(rotating)
	_, old := e.due(m)
	id := idOf(t, old)
	var lost []string
	for range 6 {
		lost = append(lost, m.good("the old token", old).newToken("the old token after the grace"))
		m.good("the old token again", old).wantNoCookie("the old token within the grace")
		e.age(id, time.Minute+time.Second)
	}
	m.good("the first of those not lost", lost[len(lost)-1])
	m.good("the old token within the grace of its end", old)
	e.age(id, time.Minute+time.Second)
	for _, token := range lost[:len(lost)-1] {
		m.as(token, "/read").want("a token that was lost", http.StatusOK, nobody)
	}
	m.good("the one that was not lost", lost[len(lost)-1])
}

func rotateTogether(t *testing.T, e *env) {
	machines := []*machine{e.newMachine(rotating), e.newMachine(rotating)}
	_, old := e.due(machines[0])
	const requests = 8
	var loaded, done sync.WaitGroup
	loaded.Add(requests)
	answers := make([]answer, requests)
	for i := range requests {
		m, path := machines[i%2], fmt.Sprint("/together", i)
		m.handle(path, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			loaded.Done()
			loaded.Wait()
			if i < 4 { // some with a change of their own
				if err := s.Set(fmt.Sprint("k", i), "v"); err != nil {
					t.Error(err)
				}
			}
		})
		done.Go(func() { answers[i] = m.as(old, path) })
	}
	done.Wait()
	var tokens []string
	for _, a := range answers {
		equal(t, "the status", a.status, http.StatusOK)
		tokens = append(tokens, a.tokens...)
	}
	equal(t, "tokens issued", len(tokens), 1)
	for _, token := range tokens {
		machines[1].as(token, "/read").want("a token issued", http.StatusOK, "u map[k:v k0:v k1:v k2:v k3:v]")
	}
}

func rotationFails(t *testing.T, e *env) {
	m := e.newMachine(rotating)
	_, old := e.due(m)
	m.store.fail("Save")
	m.good("while the store fails", old).wantNoCookie("while the store fails")
	m.store.heal()
	equal(t, "failures reported", m.events.count(session.EventRotateFailed), 1)
	equal(t, "failed commits reported", m.events.count(session.EventCommitFailed), 0)
	m.good("the one that is issued then", m.good("the next request", old).newToken("the next request"))
}

func noRotationOnUpgrade(t *testing.T, e *env) {
	m := e.newMachine(rotating)
	_, old := e.due(m)
	calls := m.store.during(func() {
		a := m.as(old, "/read", "Connection", "Upgrade", "Upgrade", "websocket")
		a.want("an upgrade", http.StatusOK, "u map[k:v]")
		a.wantNoCookie("an upgrade")
	})
	equal(t, "saves", calls["Save"], 0)
	m.good("a request without", old).newToken("a request without")
}

func survives(t *testing.T, e *env) {
	m := e.newMachine(rotating)
	c, token := e.due(m)
	id := idOf(t, token)
	info := func() session.Info {
		t.Helper()
		infos, err := collect(m.List(t.Context(), "u"))
		if err != nil || len(infos) != 1 {
			t.Fatalf("List: %v, error %v", infos, err)
		}
		return infos[0]
	}
	same := func(what string, before, after session.Info) {
		t.Helper()
		if before.ID != after.ID || !before.Deadline.Equal(after.Deadline) || !before.Created.Equal(after.Created) ||
			!before.AuthenticatedAt.Equal(after.AuthenticatedAt) || before.AuthenticatedAt.IsZero() {
			t.Errorf("%s: %+v becomes %+v", what, before, after)
		}
	}
	before := info()
	c.get(m, "/read").newToken("the rotation")
	same("a rotation", before, info())
	c.get(m, "/read").want("its confirmation", http.StatusOK, "u map[k:v]")
	same("its confirmation", before, info())
	c.get(m, "/renew").newToken("the renewal")
	same("a renewal", before, info())
	c.get(m, "/read").want("after the renewal", http.StatusOK, "u map[k:v]")
	equal(t, "renewals reported", m.events.count(session.EventRenewed), 1)

	// Only a login begins anew, and not before the deadline is near does it
	// cut the idle time short.
	e.age(id, 47*time.Hour)
	m.handle("/end", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := errors.Join(s.Renew(), s.Save(r.Context())); err != nil {
			t.Error(err)
		}
		if s.Expires().After(s.Deadline()) || !s.Deadline().Equal(before.Deadline.Add(-47*time.Hour)) {
			t.Errorf("after a renewal the session ends %v, at the latest %v", s.Expires(), s.Deadline())
		}
	})
	c.get(m, "/end").newToken("the late renewal")
	c.get(m, "/login?u").newToken("the login")
	if after := info(); after.Deadline.Sub(before.Deadline) < time.Hour || after.ID != id {
		t.Errorf("a login moves the deadline of %v from %v to %v", id, before.Deadline, after.Deadline)
	}
}
