package life_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/store"
)

func TestAnUpdateComposesWithThoseOfOthers(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "n=I")
	s, calls := w.visit(token), 0
	w.must(s.Update("n", func(old envelope.Value, ok bool) (envelope.Value, error) {
		if calls++; calls == 1 { // against the rules: then it begins again
			w.must(set(s, "n", "X"))
		}
		return text(string(old.Data) + "I"), nil
	}))
	w.is("calls", calls, 2)
	w.is("it shows", shows(s), ": n=XI")
	refused := errors.New("too high")
	w.is("an error of its function", s.Update("n", func(envelope.Value, bool) (envelope.Value, error) { return envelope.Value{}, refused }), refused)
	w.is("changes nothing", shows(s), ": n=XI")
	w.fails("what is too large", set(s, "a", strings.Repeat("x", settings.Rules.MaxSize)), errTooLarge)
	w.is("changes nothing", shows(s), ": n=XI")
	w.must(s.Commit(t.Context(), false))
	w.finds(token, ": n=XI")
}

// What is set while the newest state is made ready to be shown is shown too.
func TestAChangeBesideAReloadIsShown(t *testing.T) {
	w := newWorld(t)
	s, calls := w.visit(w.stored("", "n=I")), 0
	w.must(s.Update("n", func(old envelope.Value, _ bool) (envelope.Value, error) {
		if calls++; calls == 2 {
			w.must(set(s, "late", "x"))
		}
		return text(string(old.Data) + "I"), nil
	}))
	w.must(s.Reload(t.Context()))
	w.is("it shows", shows(s), ": late=x n=II")
}

func TestAValueIsTakenOnce(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x b=y n=I")
	take := func(s *life.Session, key, want string) {
		t.Helper()
		v, ok, err := s.Take(t.Context(), key)
		w.must(err)
		if string(v.Data) != want || ok != (want != "") {
			t.Errorf("taken is %q, %v; want %q", v.Data, ok, want)
		}
	}
	first, second := w.visit(token), w.elsewhere(token)
	w.must(set(first, "c", "z"))
	take(first, "a", "x")
	w.is("it shows", shows(first), ": b=y c=z n=I")
	w.finds(token, ": b=y n=I") // nothing else of what is pending was written
	take(second, "a", "")
	w.is("of the second", shows(second), ": b=y n=I")

	// The updates of its key go with it, and are not made again.
	w.must(errors.Join(count(first, "n"), count(second, "n"), second.Commit(t.Context(), false)))
	take(first, "n", "III")
	w.must(first.Commit(t.Context(), false))
	w.finds(token, ": b=y c=z")

	// What hides the stored value is taken from here alone, and waits for the commit.
	w.must(set(first, "b", "v"))
	w.written()
	take(first, "b", "v")
	take(first, "b", "")
	w.is("writes", w.written(), 0)
	w.must(first.Commit(t.Context(), false))
	w.finds(token, ": c=z")

	fresh := w.visit()
	w.must(set(fresh, "a", "x"))
	take(fresh, "a", "x")
	take(fresh, "a", "")
	w.must(fresh.Commit(t.Context(), false))
	w.is("a token is due", fresh.Owes(), false)
}

func TestATakeThatFailsTakesNothing(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x")
	s := w.visit(token)
	w.must(set(s, "b", "y"))
	w.store.save = func(store.Record) error { return errLost }
	_, _, err := s.Take(t.Context(), "a")
	w.fails("Take", err, errLost)
	w.is("nobody knows whether it is taken, so Set returns", set(s, "c", "z"), err)
	w.store.save = func(store.Record) error { return store.ErrUnconfirmed }
	_, ok, err := w.visit(token).Take(t.Context(), "a")
	w.fails("Take", err, store.ErrUnconfirmed)
	w.is("ok", ok, false)
	w.store.save = nil
	w.finds(token, ": a=x")

	s = w.visit(token)
	w.must(errors.Join(set(s, "b", "y"), w.elsewhere(token).Destroy(t.Context(), func() {})))
	_, _, err = s.Take(t.Context(), "a")
	w.fails("Take of what was destroyed", err, errEnded)
	w.fails("and then Set", set(s, "c", "z"), errEnded)
	w.fails("and the commit", s.Commit(t.Context(), false), errEnded)
}

// A change that returned an error is told once, if the client is not told by the answer.
func TestAChangeThatWasRefusedIsToldOnce(t *testing.T) {
	tooLarge := strings.Repeat("x", settings.Rules.MaxSize)
	for name, test := range map[string]struct {
		do   func(s *life.Session)
		want string
	}{
		"none":                  {func(s *life.Session) { _ = set(s, "a", "x") }, ""},
		"a value":               {func(s *life.Session) { _ = set(s, "a", tooLarge) }, "a"},
		"two":                   {func(s *life.Session) { _ = set(s, "a", tooLarge); _ = set(s, "b", tooLarge) }, "a"},
		"one that was made yet": {func(s *life.Session) { _ = set(s, "a", tooLarge); _ = set(s, "a", "x") }, ""},
		"the other one made":    {func(s *life.Session) { _ = set(s, "a", tooLarge); _ = set(s, "b", "x") }, "a"},
		"deleted instead":       {func(s *life.Session) { _ = set(s, "b", tooLarge); _ = remove(s, "old") }, "b"},
		"deleted after all":     {func(s *life.Session) { _ = set(s, "old", tooLarge); _ = remove(s, "old") }, ""},
		"answered":              {func(s *life.Session) { _ = set(s, "a", tooLarge); s.AnsweredUnsaved() }, ""},
		"an update": {func(s *life.Session) {
			s.CloseHeader()
			_ = count(s, "n")
		}, ""},
		"a Pop, which says so itself": {func(s *life.Session) { _ = s.Apply(change.Op{Kind: change.Pop, Key: "none", Value: text("x")}) }, ""},
		"a label, and another": {func(s *life.Session) {
			_ = s.Refuse(change.Label, "", errLost)
			_ = s.Refuse(change.Renew, "", errLost)
		}, "-"},
		"many": {func(s *life.Session) {
			for i := range 100 {
				_ = set(s, fmt.Sprint(i), tooLarge)
			}
		}, "0"},
	} {
		w := newWorld(t)
		s := w.visit(w.stored("u", "old=x"))
		test.do(s)
		w.tell()
		s.TellUnsaved(t.Context())
		s.TellUnsaved(t.Context())
		events := w.tell()
		switch {
		case test.want == "" && len(events) == 0:
		case len(events) != 1 || events[0].Kind != life.Unsaved || events[0].ID != s.ID() || events[0].Err == nil ||
			events[0].Subject != w.host.Scope("u") || test.want != "-" && events[0].Key != test.want:
			t.Errorf("%s: told is %v, want it of %q", name, events, test.want)
		}
		if notes := s.Close(); notes != (test.want != "" || slices.Contains([]string{"one that was made yet", "deleted after all", "answered"}, name)) {
			t.Errorf("%s: there are notes: %v", name, notes)
		}
	}

	// After the handler nobody else tells it.
	w := newWorld(t)
	s := w.visit(w.stored("", "a=x"))
	s.Close()
	w.fails("Set", set(s, "a", "y"), life.ErrDone)
	w.fails("Update", count(s, "n"), life.ErrDone)
	w.is("told is", w.told(), life.Unsaved)
}

// The event is told in the context of the request, and shows nothing of the value.
func TestAValueThatDoesNotDecodeIsToldOnce(t *testing.T) {
	w := newWorld(t)
	s := w.visit(w.stored("u", "a=x"))
	cause := fmt.Errorf(`json: cannot read: "hunter2"`)
	for range 3 {
		s.Undecodable("a", cause)
	}
	s.Undecodable("b", errors.New("of another type"))
	events := w.tell()
	if len(events) != 2 || events[0].Kind != life.Undecodable || events[0].Key != "a" || events[1].Key != "b" ||
		events[0].ID != s.ID() || events[0].Subject != w.host.Scope("u") {
		t.Fatalf("told is %v", events)
	}
	err := events[0].Err
	w.fails("the error", err, life.ErrUndecodable)
	w.fails("wraps the cause", err, cause)
	if text := err.Error(); strings.Contains(text, "hunter2") || !strings.Contains(text, "cannot read") || !strings.Contains(text, `"a"`) {
		t.Errorf("it says %s", text)
	}

	type key struct{}
	var got any
	set := settings
	set.Report = func(ctx context.Context, _ life.Event) { got = ctx.Value(key{}) }
	in, err := w.load(life.NewHost(w.store, set), &life.Visitor{Request: &request{ctx: context.WithValue(t.Context(), key{}, "r")}})
	w.must(err)
	in.Undecodable("a", cause)
	w.is("told in the context of", got, "r")
	var shown life.Session
	w.must(w.host.ByID(t.Context(), "view", s.ID(), &shown))
	shown.Undecodable("a", cause) // without a request
	w.is("told is", w.told(), life.Undecodable)
}

// To take what is to be popped needs no store.
func TestATakeAfterAPopWritesNothing(t *testing.T) {
	w := newWorld(t)
	s := w.visit(w.stored("", "a=x"))
	v, _ := s.Lookup("a")
	w.must(s.Apply(change.Op{Kind: change.Pop, Key: "a", Value: v}))
	w.written()
	_, ok, err := s.Take(t.Context(), "a")
	w.must(err)
	w.is("found", ok, false)
	w.is("writes", w.written(), 0)
}

// The changes that are remembered for the Observer are bounded: of others nothing is told.
func TestTheChangesThatAreToldAreBounded(t *testing.T) {
	w := newWorld(t)
	s := w.visit(w.stored("", "a=x"))
	for i := range 17 {
		w.fails("set", set(s, fmt.Sprint("k", i), strings.Repeat("x", settings.Rules.MaxSize)), errTooLarge)
	}
	for i := range 16 {
		w.must(set(s, fmt.Sprint("k", i), "y"))
	}
	s.TellUnsaved(t.Context())
	w.is("told", w.told(), "")
}
