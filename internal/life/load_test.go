package life_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// What a request finds for the tokens that it has, and what is reported of them.
func TestARequestGetsTheSessionOfItsOneGoodToken(t *testing.T) { synctest.Test(t, testOneGoodToken) }

func testOneGoodToken(t *testing.T) {
	w := newWorld(t)
	killed := func(after time.Duration) string {
		token := w.stored("", "a=old")
		s := w.visit(token)
		w.must(login(w.host, s, "u"))
		w.must(s.Commit(t.Context(), false))
		time.Sleep(after)
		return token
	}
	old := killed(grace)
	stale, good := killed(0), w.stored("u", "a=x")
	second := w.stored("", "a=y")
	nobody := sid.Token{ID: sid.NewID(), Secret: sid.NewSecret()}.Reveal()
	wrongSecret := sid.Token{ID: sid.NewID(), Secret: sid.NewSecret()}
	parsed, _ := sid.Parse(good)
	wrongSecret.ID = parsed.ID

	for _, test := range []struct {
		name   string
		tokens []string
		want   string
		lapsed bool
		told   string
	}{
		{"none", nil, ":", false, ""},
		{"a good one", []string{good}, "u: a=x", false, ""},
		{"no token at all", []string{"rubbish"}, ":", true, life.Malformed},
		{"one of no session", []string{nobody}, ":", true, life.Unknown},
		{"the ID of a session with another secret", []string{wrongSecret.Reveal()}, ":", true, life.Unknown},
		{"one that a sign-in replaced a moment ago", []string{stale}, ":", true, life.Stale},
		{"one that a sign-in replaced some time ago", []string{old}, ":", true, life.Reused},
		{"a good one behind rubbish", []string{"rubbish", good}, "u: a=x", false, life.Malformed},
		{"a good one before one of no session", []string{good, nobody}, "u: a=x", false, life.Unknown},
		{"a good one behind one that was replaced", []string{stale, good}, "u: a=x", false, ""},
		{"a good one before one that was replaced", []string{good, stale}, "u: a=x", false, ""},
		{"one that was replaced behind rubbish", []string{"rubbish", stale}, ":", true, life.Malformed + ", " + life.Stale},
		{"two good ones", []string{good, second}, ":", true, life.Duplicate},
		{"two good ones and rubbish", []string{good, second, "rubbish"}, ":", true, life.Malformed + ", " + life.Duplicate},
	} {
		w.tell()
		w.written()
		s := w.visit(test.tokens...)
		w.is(test.name+": reported is", w.told(), test.told)
		w.is(test.name+": writes", w.written(), 0)
		w.is(test.name+": the answer depends on the token", s.CloseHeader().Used, len(test.tokens) > 0)
		w.is(test.name+": it shows", shows(s), test.want)
		w.is(test.name+": lapsed", s.Lapsed(false), test.lapsed)
		w.is(test.name+": new", s.IsNew(), test.want == ":")
	}
}

func TestASessionThatIsOverIsNotFound(t *testing.T) { synctest.Test(t, testOver) }

func testOver(t *testing.T) {
	for name, end := range map[string]func(w *world, token string){
		"destroyed": func(w *world, token string) { w.must(w.visit(token).Destroy(w.t.Context(), func() {})) },
		"revoked":   func(w *world, token string) { w.must(w.host.Revoke(w.t.Context(), w.visit(token).ID(), "")) },
		"expired":   func(*world, string) { time.Sleep(idle) },
	} {
		w := newWorld(t)
		token := w.stored("u", "a=x")
		end(w, token)
		w.tell()
		s := w.visit(token)
		w.is(name+": it shows", shows(s), ":")
		w.is(name+": reported is", w.told(), life.Unknown)
		w.is(name+": lapsed, and nobody is shown the answer", s.Lapsed(false), true)
		w.is(name+": then it is left", s.CloseHeader().Due, false)
		w.is(name+": lapsed", s.Lapsed(true), true)
		h := s.CloseHeader()
		w.is(name+": a page that asks clears it", h.Due && h.Token.Text == "", true)
	}
}

// A dead token is cleared, and not the one that has taken its place.
func TestADeadTokenGivesWayToANewOne(t *testing.T) {
	w := newWorld(t)
	s := w.visit("rubbish")
	w.must(errors.Join(set(s, "a", "x"), s.Save(t.Context())))
	w.is("lapsed", s.Lapsed(true), true)
	w.finds(w.token(s), ": a=x")
}

// Of too many tokens none is looked at.
func TestTooManyTokensAreNotLookedAt(t *testing.T) {
	w := newWorld(t)
	good := w.stored("", "a=x")
	w.store.loads = 0
	s, err := w.load(w.host, &life.Visitor{Refused: true}, good, good)
	w.must(err)
	w.is("reported is", w.told(), life.Duplicate)
	w.is("loads", w.store.loads, 0)
	w.is("it shows", shows(s), ":")
	w.is("lapsed", s.Lapsed(true), true)
	w.is("the token stays with the client", s.Owes(), false)
	w.must(s.Destroy(t.Context(), func() {}))
	w.is("but Destroy ends its session", w.told(), life.Destroyed)
	w.finds(good, ":")
	w.is("and clears the token", s.CloseHeader().Due, true)
}

// What the record under a token's ID is, where it is not a session that can be read.
func TestARecordThatCannotBeReadIsNoSession(t *testing.T) {
	for _, test := range []struct {
		name string
		data string
		want error
		told string
	}{
		{"garbage", "garbage", nil, life.Corrupt},
		{"a newer format", "\xc1\xf5\xfe\x63", envelope.ErrNewerFormat, life.LoadFailed},
	} {
		w := newWorld(t)
		token, now := sid.Token{ID: sid.NewID(), Secret: sid.NewSecret()}, time.Now().UTC().Truncate(time.Second)
		w.must(w.store.Create(t.Context(), store.Record{
			ID: token.ID, Version: 1, Subject: "app:u", Data: []byte(test.data),
			Created: now, Seen: now, Expires: now.Add(time.Hour), Deadline: now.Add(time.Hour),
		}))
		s, err := w.load(w.host, &life.Visitor{}, token.Reveal())
		w.fails(test.name, err, test.want)
		events := w.tell()
		if len(events) != 1 || events[0].Kind != test.told || events[0].ID != token.ID || events[0].Err == nil {
			t.Errorf("%s: reported is %v, want %s", test.name, events, test.told)
		}
		if err == nil {
			w.is(test.name+": it shows", shows(s), ":")
		}
		var shown life.Session
		if err := w.host.ByID(t.Context(), "edit", token.ID, &shown); err == nil {
			t.Errorf("%s: it is found by its ID", test.name)
		}
	}
}

// A mark, such as a not-before, is a record and no session.
func TestAMarkIsNoSession(t *testing.T) {
	w := newWorld(t)
	var mark store.ID
	w.store.create = func(rec store.Record) error { mark = rec.ID; return errAsk }
	if _, err := w.host.RevokeAll(t.Context(), "app:u", nil, store.ID{}); err != nil || mark.IsZero() {
		t.Fatalf("written is the mark %v, %v", mark, err)
	}
	w.tell()
	w.is("it shows", shows(w.visit(sid.Token{ID: mark}.Reveal())), ":")
	w.is("reported is", w.told(), life.Unknown)
	w.fails("by its ID", w.host.ByID(t.Context(), "view", mark, new(life.Session)), errEnded)
	ended, err := w.host.RevokeOf(t.Context(), "", mark)
	w.must(err)
	w.is("it can be revoked", ended, false)
}

// Without an answer of the store nobody knows whether there is a session.
func TestALoadThatFailsIsAnError(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x")
	w.store.load = func(store.ID) error { return errLost }
	_, err := w.load(w.host, &life.Visitor{}, token)
	w.fails("Load", err, errLost)
	w.is("reported is", w.told(), life.LoadFailed)
	_, err = w.load(w.host, &life.Visitor{}, "rubbish", token)
	w.fails("the second of two", err, errLost)
	w.is("reported is", w.told(), life.Malformed+", "+life.LoadFailed)
	w.fails("ByID", w.host.ByID(t.Context(), "edit", store.ID{1}, new(life.Session)), errLost)

	hungUp, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.load(w.host, &life.Visitor{Request: &request{ctx: hungUp}}, token)
	w.fails("of a client that has hung up", err, errLost)
	w.is("then reported is", w.told(), "")
}

// Two applications on one store do not see each other's sessions.
func TestTheSessionsOfAnotherRealmAreNotFound(t *testing.T) {
	w := newWorld(t)
	token := w.stored("u", "a=x")
	id := w.visit(token).ID()
	s := settings
	s.Realm, s.Report = "another", func(context.Context, life.Event) {}
	another := life.NewHost(w.store, s)
	in, err := w.load(another, &life.Visitor{}, token)
	w.must(err)
	w.is("by its token", shows(in), ":")
	w.fails("by its ID", another.ByID(t.Context(), "edit", id, new(life.Session)), errEnded)
	if subject, ok := another.Unscope(w.host.Scope("u")); ok {
		t.Errorf("its subject is %q there", subject)
	}
	if subject, ok := w.host.Unscope(w.host.Scope("u")); !ok || subject != "u" {
		t.Errorf("its subject is %q, %v here", subject, ok)
	}
	if !strings.Contains(w.host.Scope("u"), "app") {
		t.Error("the store does not see the realm")
	}
}
