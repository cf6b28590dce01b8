package integration

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

func badRecord(t *testing.T, e *env) {
	e.rule("a corrupt record", corruptRecord)
	e.rule("a record that becomes corrupt under a request", corruptMeanwhile)
	e.rule("a value of another type", anotherType)
	e.rule("a value of an unknown kind", unknownKind)
	e.rule("a record of a newer format", newerFormat)
	e.rule("a record that becomes newer under a request", newerMeanwhile)
	e.rule("unknown metadata is kept", unknownMetadata)
}

// garbage are the ways in which data can be corrupt, made of data that is not.
var garbage = map[string]func(data []byte) []byte{
	"nothing":         func([]byte) []byte { return []byte{} },
	"format 0":        func(data []byte) []byte { return slices.Concat(data[:3], []byte{0}, data[4:]) },
	"no magic":        func(data []byte) []byte { return data[3:] },
	"a byte missing":  func(data []byte) []byte { return data[:len(data)-1] },
	"a byte too many": func(data []byte) []byte { return append(slices.Clone(data), 0) },
	"no secret": func(data []byte) []byte {
		return append(data[:4:4], 0, 0) // no metadata, no values
	},
	"noise":           func([]byte) []byte { return bytes.Repeat([]byte{200, 0xff}, 100) },
	"more noise":      func(data []byte) []byte { return append(data[:4:4], bytes.Repeat([]byte{1, 0xff}, 100)...) },
	"another program": func([]byte) []byte { return []byte("{\"user\":42}") },
}

func corruptRecord(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	for name, spoil := range garbage {
		c, id := e.signedIn(m, "u")
		token := c.token(m)
		e.rewrite(id, func(rec *store.Record) { rec.Data = spoil(rec.Data) })
		bad, _ := e.record(id)
		before := m.events.count(session.EventCorrupt)
		a := m.as(token, "/read")
		a.want(name, http.StatusOK, nobody)
		a.wantNoCookie(name)
		fresh := m.as(token, "/login?v").newToken(name)
		if idOf(t, fresh) == id {
			t.Errorf("%s: the session is taken up again", name)
		}
		m.as(fresh, "/read").want("the new session", http.StatusOK, "v map[]")
		equal(t, "reports of "+name, m.events.count(session.EventCorrupt)-before, 2)
		after, _ := e.record(id)
		if after.Version != bad.Version || !bytes.Equal(after.Data, bad.Data) {
			t.Errorf("%s: the record was written over", name)
		}
	}
	// It can be seen in a list, and revoked.
	infos, err := collect(m.List(t.Context(), "u"))
	if err != nil || len(infos) != len(garbage) {
		t.Errorf("List: %d sessions, error %v; want %d", len(infos), err, len(garbage))
	}
	if n, err := m.RevokeAll(t.Context(), "u"); err != nil || n != len(garbage) {
		t.Errorf("RevokeAll: %d sessions, error %v; want %d", n, err, len(garbage))
	}
}

func corruptMeanwhile(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	m.handle("/outer", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("k", "v"); err != nil {
			t.Error(err)
		}
		e.rewrite(id, func(rec *store.Record) { rec.Data = []byte{1, 0, 0} })
		io.WriteString(w, "saved")
	})
	a := c.get(m, "/outer")
	if a.err != nil || a.status < 400 || strings.Contains(a.body, "saved") {
		t.Errorf("got %d %q, error %v", a.status, a.body, a.err)
	}
	a.wantNoCookie("the request in flight")
	if m.events.count(session.EventCorrupt)+m.events.count(session.EventCommitFailed) == 0 {
		t.Error("nothing is reported")
	}
	if rec, _ := e.record(id); len(rec.Data) != 3 {
		t.Error("the record was written over")
	}
	c.get(m, "/read").want("the next request", http.StatusOK, nobody)
}

func anotherType(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	m.handle("/put", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := errors.Join(s.Set("n", "seven"), s.Set("list", []string{"a"})); err != nil {
			t.Error(err)
		}
	})
	c.get(m, "/put").want("put", http.StatusOK, "")
	list := session.NewKey[map[string]int]("list")
	m.handle("/get", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if n, ok := number.Get(s); ok || n != 0 {
			t.Errorf("a string is read as the number %d", n)
		}
		if n, ok := number.Pop(s); ok || n != 0 {
			t.Errorf("a string is popped as the number %d", n)
		}
		if l, ok := list.Get(s); ok || l != nil {
			t.Errorf("a list is read as the map %v", l)
		}
		if err := s.Set("beside", "1"); err != nil {
			t.Error(err)
		}
	})
	c.get(m, "/get").want("get", http.StatusOK, "")
	equal(t, "reports", m.events.count(session.EventUndecodable), 2) // one of each key
	for _, ev := range m.events.list() {
		if ev.Kind == session.EventUndecodable && (ev.Key != "n" && ev.Key != "list" || ev.Err == nil) {
			t.Errorf("the report %v names no key, or no error", ev)
		}
	}
	c.get(m, "/read").want("afterwards", http.StatusOK, `u map[beside:1 list:[91 34 97 34 93] n:seven]`)
}

func unknownKind(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	c.get(m, "/set?k=v").want("set", http.StatusOK, "")
	e.rewrite(id, func(rec *store.Record) {
		env := parseEnvelope(t, rec.Data)
		env.values = slices.Concat([]byte{2}, []byte("\x01a\xc8\x02??"), env.values[1:]) // a kind that is not there yet
		rec.Data = env.bytes()
	})
	c.get(m, "/read").want("read", http.StatusOK, "u map[a:<nil> k:v]")
	equal(t, "reports", m.events.count(session.EventUndecodable), 1)
	c.get(m, "/set?k=w").want("write", http.StatusOK, "")
	if rec, _ := e.record(id); !bytes.Contains(rec.Data, []byte("\x01a\xc8\x02??")) {
		t.Error("a write loses the value")
	}
}

// setFormat makes a record look like one of another version of this library.
func (e *env) setFormat(id store.ID, format byte) {
	e.rewrite(id, func(rec *store.Record) { rec.Data[len(envelopeMagic)] = format })
}

func newerFormat(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	token := c.token(m)
	m.handle("/runs", func(http.ResponseWriter, *http.Request, *session.Session) { t.Error("the handler runs") })
	e.setFormat(id, 2)
	newer, _ := e.record(id)
	for _, path := range []string{"/runs", "/read", "/set?k=v", "/login?v", "/logout"} {
		c.get(m, path).wantError(path, http.StatusServiceUnavailable)
	}
	if err := m.Edit(t.Context(), id, func(*session.Session) error { return nil }); err == nil || errors.Is(err, session.ErrEnded) {
		t.Errorf("Edit: %v", err)
	}
	equal(t, "reports", m.events.count(session.EventLoadFailed), 5)
	equal(t, "corrupt records reported", m.events.count(session.EventCorrupt), 0)
	same, _ := e.record(id)
	if same.Version != newer.Version || !bytes.Equal(same.Data, newer.Data) {
		t.Error("the record was written over")
	}
	equal(t, "what the client holds", c.token(m), token)
	e.setFormat(id, 1)
	c.get(m, "/read").want("where it can be read", http.StatusOK, "u map[]")
}

func newerMeanwhile(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	m.handle("/outer", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Set("k", "v"); err != nil {
			t.Error(err)
		}
		e.setFormat(id, 2)
		if err := s.Touch(r.Context()); err == nil || errors.Is(err, session.ErrEnded) {
			t.Errorf("Touch: %v", err)
		}
		io.WriteString(w, "saved")
	})
	c.get(m, "/outer").wantError("the request in flight", http.StatusServiceUnavailable)
	e.setFormat(id, 1)
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[]")
}

// unknownMetadata goes on with a record that a later version of this library
// has put something into.
func unknownMetadata(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	added := []tagged{{60, []byte("for later")}, {1000, nil}, {1 << 40, bytes.Repeat([]byte("x"), 300)}}
	e.rewrite(id, func(rec *store.Record) {
		env := parseEnvelope(t, rec.Data)
		env.meta = append(env.meta, added...)
		rec.Data = env.bytes()
	})
	kept := func(what string) {
		t.Helper()
		rec, _ := e.record(id)
		env := parseEnvelope(t, rec.Data)
		for _, a := range added {
			if i := slices.IndexFunc(env.meta, func(m tagged) bool { return m.tag == a.tag }); i < 0 || !bytes.Equal(env.meta[i].payload, a.payload) {
				t.Errorf("%s loses tag %d", what, a.tag)
			}
		}
	}
	c.get(m, "/read").want("read", http.StatusOK, "u map[]")
	for _, path := range []string{"/set?k=v", "/renew", "/login?u"} {
		equal(t, path, c.get(m, path).status, http.StatusOK)
		kept(path)
	}
	if err := m.Edit(t.Context(), id, func(s *session.Session) error { return s.Set("e", "v") }); err != nil {
		t.Error(err)
	}
	kept("Edit")
	m.handle("/outer", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("outer", "v"); err != nil {
			t.Error(err)
		}
		c.get(m, "/set?inner=v").want("the request within", http.StatusOK, "")
	})
	c.get(m, "/outer").want("the request around", http.StatusOK, "")
	kept("a merge")
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[e:v inner:v k:v outer:v]")
}
