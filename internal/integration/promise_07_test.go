package integration

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

func stolenStore(t *testing.T, e *env) {
	e.rule("no secret is written down anywhere", nothingWrittenDown)
	e.rule("what is in the store lets nobody in", storeLetsNobodyIn)
}

// spellings returns the ways to write down a secret without saying so.
func spellings(secret []byte) [][]byte {
	all := [][]byte{secret}
	add := func(s string) { all = append(all, []byte(s)) }
	add(hex.EncodeToString(secret))
	add(strings.ToUpper(hex.EncodeToString(secret)))
	add(strings.Trim(fmt.Sprint(secret), "[]")) // as %v writes bytes
	add(strings.TrimPrefix(strings.Trim(fmt.Sprintf("%#v", secret), "}"), "[]byte{"))
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 { // what stands before it shifts the characters
			s := enc.EncodeToString(slices.Concat(make([]byte, before), secret))
			add(s[before+1 : len(s)-1]) // but for those at the ends, which are shared
		}
	}
	return all
}

// A witness is what somebody could have written down, and where.
type witness struct {
	mu   sync.Mutex
	seen map[string][]byte
}

func (w *witness) add(where string, what []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[where] = append(append(w.seen[where], what...), '\n')
}

// values adds values as they print in every verb, in JSON and in a log.
func (w *witness) values(where string, values ...any) {
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%08b", "%t"} {
			w.add(where+" in "+verb, fmt.Appendf(nil, verb, v))
		}
		if text, err := json.Marshal(v); err == nil {
			w.add(where+" in JSON", text)
		}
		var buf bytes.Buffer
		slog.New(slog.NewTextHandler(&buf, nil)).Info("value", "v", v)
		slog.New(slog.NewJSONHandler(&buf, nil)).Info("value", "v", v)
		w.add(where+" in a log", buf.Bytes())
	}
}

// Write makes a witness the output of a logger.
func (w *witness) Write(p []byte) (int, error) {
	w.add("log", p)
	return len(p), nil
}

// find returns where a secret is written down.
func (w *witness) find(secret []byte) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var where []string
	for name, seen := range w.seen {
		for _, s := range spellings(secret) {
			if bytes.Contains(seen, s) {
				where = append(where, name)
				break
			}
		}
	}
	return where
}

func (w *witness) record(where string, rec store.Record) {
	w.add(where, rec.Data)
	w.add(where, rec.ID[:])
	w.add(where, fmt.Appendf(nil, "%d %x %s", rec.Version, rec.Version, rec.Subject))
}

// nothingWrittenDown does all that gives out tokens, and looks everywhere.
func nothingWrittenDown(t *testing.T, e *env) {
	w := &witness{seen: make(map[string][]byte)}
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer func() { slog.SetDefault(was); log.SetOutput(os.Stderr) }()
	cfg := session.Config{IdleTimeout: 12 * time.Hour, RotateEvery: time.Hour}
	m := e.newMachine(cfg)
	e.logs = true
	logging := e.newMachine(cfg)

	var tokens []string
	took := func(a answer) answer {
		w.add("body", []byte(a.body))
		tokens = append(tokens, a.tokens...)
		return a
	}
	look := func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		print := func(when string) {
			w.values("session"+when, s)
			w.values("context"+when, session.NewContext(context.Background(), s))
		}
		print("")
		if err := errors.Join(s.Set("k", "v"), s.Renew()); err != nil {
			t.Error(err)
		}
		print(" with a renewal pending")
		if err := s.Save(r.Context()); err != nil {
			t.Error(err)
		}
		print(" with a cookie due")
	}
	for _, m := range []*machine{m, logging} {
		m.handle("/look", look)
		c := e.newClient()
		took(c.get(m, "/set?k=v"))
		replaced := c.token(m)
		took(c.get(m, "/login?u"))
		id := idOf(t, c.token(m))
		took(c.get(m, "/look"))
		e.age(id, 2*time.Hour)
		old := c.token(m)
		took(c.get(m, "/read")).newToken("rotation")
		took(m.as(old, "/read"))
		took(m.as(replaced, "/read"))
		took(m.as(makeToken(id, newSecret()), "/read"))
		m.store.fail("Save", "Touch", "Delete")
		for _, path := range []string{"/set?a=b", "/renew", "/login?v", "/logout", "/read"} {
			took(c.get(m, path))
		}
		m.store.fail()
		took(c.get(m, "/read"))
		w.values("error", m.Revoke(t.Context(), id), m.Edit(t.Context(), id, func(*session.Session) error { return nil }))
		m.store.heal()
		infos, err := collect(m.List(t.Context(), "u"))
		if err != nil || len(infos) != 1 {
			t.Errorf("List: %v, error %v", infos, err)
		}
		w.values("list", infos, m.Manager)
		for _, ev := range m.events.list() {
			w.values("event", ev, ev.Err)
		}
		if rec, there := e.record(id); there {
			w.record("record", rec)
		}
		for _, rec := range m.store.writtenRecords() {
			w.record("record", rec)
		}
		took(c.get(m, "/logout"))
	}
	secrets := 0
	for _, token := range tokens {
		if token == "" {
			continue
		}
		secrets++
		_, secret := cutToken(t, token)
		if where := w.find(secret); len(where) > 0 {
			t.Errorf("a secret is written down in %v", where)
		}
		if where := w.find([]byte(token)); len(where) > 0 {
			t.Errorf("a token is written down in %v", where)
		}
	}
	// That the search finds anything: the ID, which is public.
	id := idOf(t, tokens[0])
	where := w.find(id[:])
	for _, place := range []string{"record", "event in %x", "list in JSON", "list in a log", "session in %s"} {
		if !slices.Contains(where, place) && len(w.find([]byte(id.String()))) == 0 {
			t.Errorf("the ID is found in %q, and not in %s", where, place)
		}
	}
	if secrets < 8 {
		t.Errorf("only %d tokens were given out", secrets)
	}
	for _, kind := range []session.EventKind{session.EventRotated, session.EventCommitFailed, session.EventReused, session.EventLoadFailed} {
		if !bytes.Contains(w.seen["log"], []byte(kind)) {
			t.Errorf("%q was not logged", kind)
		}
	}
}

// storeLetsNobodyIn uses what stands in a record as a cookie.
func storeLetsNobodyIn(t *testing.T, e *env) {
	m := e.newMachine(session.Config{IdleTimeout: 12 * time.Hour, RotateEvery: time.Hour})
	c, id := e.signedIn(m, "u")
	c.get(m, "/set?k=v").want("set", http.StatusOK, "")
	c.get(m, "/renew").newToken("renew")
	e.age(id, 2*time.Hour)
	c.get(m, "/none").newToken("rotation")
	tried := 0
	try := func(token string) {
		tried++
		if a := m.as(token, "/read"); a.body != nobody {
			t.Errorf("%q lets in: %d %q", token, a.status, a.body)
		}
	}
	infos, err := collect(m.List(t.Context(), "u"))
	if err != nil || len(infos) != 1 || infos[0].ID != id {
		t.Fatalf("List: %v, error %v", infos, err)
	}
	records, err := collect(store.List(t.Context(), e.side, "id:u"))
	if err != nil || len(records) != 1 {
		t.Fatalf("List of the store: %d records, error %v", len(records), err)
	}
	for _, rec := range records {
		try(rec.ID.String())
		try(strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' || r == ';' {
				return -1
			}
			return r
		}, string(rec.Data)))
		for i := 0; i+secretSize <= len(rec.Data); i++ {
			try(makeToken(rec.ID, rec.Data[i:i+secretSize]))
		}
	}
	if tried < 50 {
		t.Errorf("only %d cookies were tried", tried)
	}
	c.get(m, "/read").want("the client itself", http.StatusOK, "u map[k:v]")
}
