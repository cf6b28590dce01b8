package integration

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/b4468f51/session"
)

func serverChoosesTokens(t *testing.T, e *env) {
	e.rule("a malformed token costs no store access", malformedTokens)
	e.rule("several cookies of the name cost no store access", tooManyCookies)
	e.rule("an unknown token is never adopted", unknownToken)
	e.rule("an ID is no token", idIsNoToken)
	e.rule("a token that was ended is never adopted", endedToken)
	e.rule("a token of another application is unknown", otherApp)
}

func malformedTokens(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	_, id := e.signedIn(m, "u")
	good := strings.Repeat("A", tokenSize)
	for _, token := range []string{
		"", "A", id.String(), good[1:], good + "A", good[:63] + "=", good[:63] + "+", good[:63] + "/",
		good[:63] + " A", `"` + good + `"`, good[:63] + "é", good[:63] + "\t", "%41" + good[3:],
		strings.Repeat("A", 65<<10), "' OR 1=1 --", "../../etc/passwd", base64.StdEncoding.EncodeToString([]byte(good)),
	} {
		before := m.events.count(session.EventMalformed)
		var read, write answer
		calls := m.store.during(func() { read = m.as(token, "/read") })
		equal(t, "calls of the store", len(calls), 0)
		read.want("reading", http.StatusOK, nobody)
		read.wantNoCookie("reading")
		equal(t, "malformed tokens reported", m.events.count(session.EventMalformed)-before, 1)
		calls = m.store.during(func() { write = m.as(token, "/set?k=v") })
		if fresh := write.newToken("writing"); fresh == token || calls["Load"] != 0 {
			t.Errorf("writing with %.70q: the token %q, the calls %v", token, fresh, calls)
		}
	}
}

func tooManyCookies(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	calls := m.store.during(func() {
		token := func() string { return makeToken(newID(), newSecret()) }
		planted := strings.Join([]string{c.token(m), token(), token(), token()}, "; id=")
		m.as(planted, "/read").want("reading", http.StatusOK, nobody)
	})
	equal(t, "calls of the store", len(calls), 0)
	equal(t, "reports", m.events.count(session.EventDuplicate), 1)
}

func unknownToken(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	for _, path := range []string{"/set?k=v", "/login?u"} {
		id, secret := newID(), newSecret()
		sent := makeToken(id, secret)
		before := m.events.count(session.EventUnknown)
		read := m.as(sent, "/read")
		read.want("reading", http.StatusOK, nobody)
		read.wantNoCookie("reading")
		freshID, freshSecret := cutToken(t, m.as(sent, path).newToken("writing"))
		if freshID == id || bytes.Equal(freshSecret, secret) {
			t.Error("the client's token was taken over")
		}
		if _, there := e.record(id); there {
			t.Error("there is a record of the ID that the client chose")
		}
		m.as(sent, "/read").want("reading again", http.StatusOK, nobody)
		equal(t, "unknown tokens reported", m.events.count(session.EventUnknown)-before, 3)
	}
	for _, rec := range m.store.writtenRecords() {
		for _, ev := range m.events.list() {
			if ev.Kind == session.EventUnknown && ev.ID == rec.ID {
				t.Error("a record was written under an ID that a client chose")
			}
		}
	}
}

// idIsNoToken tries what somebody knows who has seen a device list.
func idIsNoToken(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	before, _ := e.record(id)
	for _, secret := range [][]byte{make([]byte, secretSize), newSecret()} {
		token := makeToken(id, secret)
		m.as(token, "/read").want("reading", http.StatusOK, nobody)
		m.as(token, "/logout").want("logout", http.StatusOK, "")
		if fresh := m.as(token, "/set?k=v").newToken("writing"); idOf(t, fresh) == id {
			t.Error("an ID with a secret of the client's lets in")
		}
	}
	equal(t, "unknown tokens reported", m.events.count(session.EventUnknown), 6)
	equal(t, "reused tokens reported", m.events.count(session.EventReused), 0)
	after, _ := e.record(id)
	equal(t, "the version", after.Version, before.Version)
	c.get(m, "/read").want("the session itself", http.StatusOK, "u map[]")
}

func endedToken(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	token := c.token(m)
	c.get(m, "/logout").want("logout", http.StatusOK, "")
	fresh := m.as(token, "/set?k=v").newToken("writing")
	if fresh == token || idOf(t, fresh) == id {
		t.Error("a token that was ended is taken up again")
	}
	m.as(token, "/read").want("the token that was ended", http.StatusOK, nobody)
}

func otherApp(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	admin := e.newMachine(session.Config{App: "admin"})
	c, id := e.signedIn(m, "root")
	a := admin.as(c.token(m), "/login?root")
	if fresh := idOf(t, a.newToken("login in the other application")); fresh == id {
		t.Error("a session of another application is taken up")
	}
	if n, err := admin.RevokeAll(t.Context(), "root"); n != 1 || err != nil {
		t.Errorf("RevokeAll in an application: %d sessions, error %v; want its own one", n, err)
	}
	c.get(m, "/read").want("the session itself", http.StatusOK, "root map[]")
}
