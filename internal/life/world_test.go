package life_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

const (
	idle        = time.Hour
	grace       = time.Minute
	touch       = time.Minute
	rotateEvery = 10 * time.Minute
	watchEvery  = 5 * time.Second
)

var settings = life.Settings{
	Rules: change.Rules{
		MaxSize: 10_000, MaxValues: 100, MaxPending: 100,
		Lifetime: 10 * time.Hour, Anonymous: 5 * time.Hour, MaxLifetime: 100 * time.Hour, Grace: grace,
		Touch: touch, Idle: idle, MaxIdle: 24 * time.Hour,
	},
	Realm: "app", MarkLife: 1000 * time.Hour, LoadTimeout: 5 * time.Second, CommitTimeout: 5 * time.Second, WatchEvery: watchEvery,
}

// A world is an application over a store, and another process of it over the same store.
type world struct {
	t           *testing.T
	store       *faulty
	host, other *life.Host

	mu     sync.Mutex
	events []life.Event // of host
}

// newWorld changes the settings, if there is a function for that.
func newWorld(t *testing.T, edits ...func(*life.Settings)) *world {
	w := &world{t: t, store: &faulty{Store: memstore.New()}}
	s := w.settings(edits...)
	w.host = life.NewHost(w.store, s)
	s.Report = func(context.Context, life.Event) {}
	w.other = life.NewHost(w.store.Store, s)
	return w
}

func (w *world) settings(edits ...func(*life.Settings)) life.Settings {
	s := settings
	for _, edit := range edits {
		edit(&s)
	}
	s.Report = func(_ context.Context, e life.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	}
	return s
}

func rotating(s *life.Settings) { s.RotateEvery = rotateEvery }

// told returns the kinds of the events since it was last called.
func (w *world) told() string {
	var kinds []string
	for _, e := range w.tell() {
		kinds = append(kinds, e.Kind)
	}
	return strings.Join(kinds, ", ")
}

func (w *world) tell() []life.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.events
	w.events = nil
	return events
}

// A request is what a session is told of its request.
type request struct {
	ctx    context.Context
	tokens []string
	admit  error
	lacks  bool
	bound  []byte
	due    []store.ID
}

func (r *request) Context() context.Context { return r.ctx }
func (r *request) Admit() error             { return r.admit }
func (r *request) MayLackToken() bool       { return r.lacks }
func (r *request) Tokens() []string         { return r.tokens }
func (r *request) BoundTo() []byte          { return r.bound }

func (r *request) TokenDue(_ context.Context, id store.ID) { r.due = append(r.due, id) }

// visit is a request with these tokens.
func (w *world) visit(tokens ...string) *life.Session {
	w.t.Helper()
	s, err := w.load(w.host, &life.Visitor{}, tokens...)
	w.must(err)
	return s
}

// elsewhere is a request that another process answers.
func (w *world) elsewhere(token string) *life.Session {
	w.t.Helper()
	s, err := w.load(w.other, &life.Visitor{}, token)
	w.must(err)
	return s
}

// load loads the session of a visitor, of whom most is not said.
func (w *world) load(h *life.Host, v *life.Visitor, tokens ...string) (*life.Session, error) {
	if v.Request == nil {
		v.Request = &request{ctx: w.t.Context(), tokens: tokens}
	}
	if v.Time.IsZero() {
		v.Time = time.Now()
	}
	s := new(life.Session)
	return s, s.Load(h, v, tokens, new(limit.Context))
}

// stored returns the token of a session that is stored, as in "a=x b=y", and signed in
// if it has a subject.
func (w *world) stored(subject, values string) string {
	w.t.Helper()
	s := w.visit()
	if subject != "" {
		w.must(login(w.host, s, subject))
	}
	for _, v := range strings.Fields(values) {
		key, value, _ := strings.Cut(v, "=")
		w.must(set(s, key, value))
	}
	w.must(s.Commit(w.t.Context(), true))
	token := w.token(s)
	w.tell()
	w.written()
	return token
}

// token returns the token that is due.
func (w *world) token(s *life.Session) string {
	w.t.Helper()
	t, ok := s.TakeToken()
	if !ok || t.Text == "" {
		w.t.Fatalf("due is the token %q, %v", t.Text, ok)
	}
	return t.Text
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) is(what string, got, want any) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// fails checks which error something returns; nil for none.
func (w *world) fails(what string, got, want error) {
	w.t.Helper()
	if !errors.Is(got, want) {
		w.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// finds checks what the next request with a token sees.
func (w *world) finds(token, want string) {
	w.t.Helper()
	w.is("the next request sees", shows(w.visit(token)), want)
}

func text(s string) envelope.Value {
	v, err := envelope.Encode(envelope.JSON{}, s)
	if err != nil {
		panic(err)
	}
	return v
}

func set(s *life.Session, key, value string) error {
	return s.Apply(change.Op{Kind: change.Set, Key: key, Value: text(value)})
}

func remove(s *life.Session, key string) error {
	return s.Apply(change.Op{Kind: change.Delete, Key: key})
}

// count adds one to the text of a key.
func count(s *life.Session, key string) error {
	return s.Update(key, func(old envelope.Value, _ bool) (envelope.Value, error) { return text(string(old.Data) + "I"), nil })
}

func login(h *life.Host, s *life.Session, subject string) error {
	return s.Sign(change.Login, change.Signing{Subject: h.Scope(subject)})
}

func renew(s *life.Session) error { return s.Sign(change.Renew, change.Signing{}) }

// shows returns whose session it is and what a handler sees, as in "u: a=x b=y".
func shows(s *life.Session) string {
	return life.Read(s, func(d *change.Draft) string {
		out := strings.TrimPrefix(d.Subject(), "app:") + ":"
		for _, key := range d.Keys() {
			v, _ := d.Lookup(key)
			out += fmt.Sprintf(" %s=%s", key, v.Data)
		}
		return out
	})
}

func expires(s *life.Session) time.Time {
	return life.Read(s, func(d *change.Draft) envelope.Millis { return d.Rec.Expires }).Time()
}

// sessions returns how many sessions a subject has.
func (w *world) sessions(subject string) int {
	w.t.Helper()
	ids, _, err := w.host.Accounts.IDs(w.t.Context(), w.host.Scope(subject), 1000)
	w.must(err)
	return len(ids)
}
