package life_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/store"
)

// When a session ends, and what is written for that, by what a request does with it.
func TestWhatCountsAsUse(t *testing.T) { synctest.Test(t, testUse) }

func testUse(t *testing.T) {
	commit := func(w *world, s *life.Session) error { return s.Commit(w.t.Context(), false) }
	keep := func(w *world, s *life.Session) error { s.Keep(w.t.Context()); return nil }
	for _, test := range []struct {
		name    string
		after   time.Duration
		passive bool
		do      func(w *world, s *life.Session) error
		used    bool
		writes  int
	}{
		{"a request soon after", touch - time.Millisecond, false, commit, false, 0},
		{"a request", touch, false, commit, true, 1},
		{"a passive request", touch, true, commit, false, 0},
		{"a change", time.Second, false, func(w *world, s *life.Session) error { return errors.Join(set(s, "b", "y"), commit(w, s)) }, true, 1},
		{"a change of a passive request", touch, true, func(w *world, s *life.Session) error { return errors.Join(set(s, "b", "y"), commit(w, s)) }, false, 1},
		{"a renewal by a passive request", time.Second, true, func(w *world, s *life.Session) error { return errors.Join(renew(s), commit(w, s)) }, true, 1},
		{"Touch soon after", touch - time.Millisecond, false, func(w *world, s *life.Session) error { return s.Touch(w.t.Context()) }, false, 0},
		{"Touch", touch, false, func(w *world, s *life.Session) error { return s.Touch(w.t.Context()) }, true, 1},
		{"Touch of a passive request", touch, true, func(w *world, s *life.Session) error { return s.Touch(w.t.Context()) }, true, 1},
		{"Reload", touch, false, func(w *world, s *life.Session) error { return s.Reload(w.t.Context()) }, false, 0},
		{"Keep long before its end", idle - touch, false, keep, false, 0},
		{"Keep shortly before its end", idle - touch + time.Millisecond, false, keep, true, 1},
		{"Keep of a passive request", idle - touch + time.Millisecond, true, keep, false, 0},
	} {
		w := newWorld(t)
		token := w.stored("", "a=x")
		was := expires(w.visit(token))
		time.Sleep(test.after)
		s, err := w.load(w.host, &life.Visitor{Passive: test.passive}, token)
		w.must(err)
		now := time.Now()
		w.must(test.do(w, s))
		want := was
		if test.used {
			want = now.Add(idle).Truncate(time.Millisecond).UTC()
		}
		w.is(test.name+": writes", w.written(), test.writes)
		w.is(test.name+": it shows its end", expires(s), want)
		rec, err := w.store.Load(t.Context(), s.ID())
		w.must(err)
		w.is(test.name+": it ends", rec.Expires, want)
	}
}

// What is done by ID, as an administrator does, is no use of the session.
func TestAChangeByIDIsNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		token := w.stored("u", "a=x")
		was := expires(w.visit(token))
		time.Sleep(touch)
		s := new(life.Session)
		w.must(w.host.ByID(t.Context(), "edit", w.visit(token).ID(), s))
		w.must(errors.Join(s.Commit(t.Context(), false), set(s, "a", "y"), s.Commit(t.Context(), false)))
		w.finds(token, "u: a=y")
		w.is("it ends", expires(w.visit(token)), was)
		w.is("writes", w.written(), 1)
	})
}

// A slow commit must not meet the end either. A sealed session has nothing to write yet.
func TestKeepLeavesTimeForTheCommit(t *testing.T) { synctest.Test(t, testKeep) }

func testKeep(t *testing.T) {
	slow := func(s *life.Settings) { s.CommitTimeout = 5 * time.Minute }
	for left, want := range map[time.Duration]int{10 * time.Minute: 0, 10*time.Minute - time.Millisecond: 1} {
		w := newWorld(t, slow)
		token := w.stored("", "a=x")
		time.Sleep(idle - left)
		w.visit(token).Keep(t.Context())
		w.is(left.String()+" before the end: writes", w.written(), want)
	}
	w, _ := newSealedWorld(t)
	token := w.stored("", "a=x")
	time.Sleep(idle - time.Second)
	s := w.visit(token)
	s.Keep(t.Context())
	w.is("of a sealed one: writes", w.written(), 0)
	w.is("a token is due", s.Owes(), false)
}

func TestAUseThatCannotBeWrittenIsNoErrorOfARequestThatReads(t *testing.T) {
	synctest.Test(t, testTouchFails)
}

func testTouchFails(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x")
	time.Sleep(touch)
	s := w.visit(token)
	w.store.touch = func() error { return errLost }
	w.must(s.Commit(t.Context(), false))
	w.is("reported is", w.told(), life.TouchFailed)
	w.must(s.Commit(t.Context(), false))
	w.is("it is tried again in this request: writes", w.written(), 1)
	w.fails("but Touch", s.Touch(t.Context()), errLost)
	w.is("reported is", w.told(), life.TouchFailed)
	w.store.touch = nil
	w.must(w.visit(token).Commit(t.Context(), false))
	w.finds(token, ": a=x")
}

func TestReloadShowsTheNewestUnderWhatIsPending(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x b=y n=I")
	s, other := w.visit(token), w.elsewhere(token)
	w.must(errors.Join(set(s, "a", "mine"), count(s, "n")))
	w.must(errors.Join(set(other, "a", "theirs"), set(other, "b", "theirs"), count(other, "n"), other.Commit(t.Context(), false)))
	w.must(s.Reload(t.Context()))
	w.is("it shows", shows(s), ": a=mine b=theirs n=III")
	w.is("writes", w.written(), 0)
	w.must(s.Commit(t.Context(), false))
	w.finds(token, ": a=mine b=theirs n=III")

	w.store.load = func(store.ID) error { return errLost }
	w.fails("without an answer", s.Reload(t.Context()), errLost)
	w.fails("and Touch", s.Touch(t.Context()), errLost)
	w.store.load = nil
	w.is("it still shows", shows(s), ": a=mine b=theirs n=III")

	// A view shows it too, and a session that was never stored has nothing newer.
	shown := new(life.Session)
	w.must(w.host.ByID(t.Context(), "view", s.ID(), shown))
	shown.OnlyView()
	w.must(errors.Join(set(s, "a", "new"), s.Commit(t.Context(), false), shown.Reload(t.Context())))
	w.is("a view shows", shows(shown), ": a=new b=theirs n=III")
	fresh := w.visit()
	w.must(errors.Join(set(fresh, "a", "x"), fresh.Reload(t.Context()), fresh.Touch(t.Context())))
	w.is("a new one shows", shows(fresh), ": a=x")

	// A renewal elsewhere has killed this request's token.
	w.must(errors.Join(renew(other), other.Commit(t.Context(), false)))
	w.fails("Reload after a renewal", s.Reload(t.Context()), errEnded)
	w.is("it shows", shows(s), ":")
	hungUp, cancel := context.WithCancel(t.Context())
	cancel()
	w.fails("of a client that has hung up", shown.Reload(hungUp), context.Canceled)
}

// A rotation issues a second token. The first is good until the client shows the second,
// and for the grace after that.
func TestARotatedTokenIsGoodUntilTheNextIsConfirmed(t *testing.T) { synctest.Test(t, testRotation) }

func testRotation(t *testing.T) {
	w := newWorld(t, rotating)
	old := w.stored("u", "a=x")
	time.Sleep(rotateEvery - touch)
	w.must(w.visit(old).Commit(t.Context(), false)) // too early
	w.is("reported is", w.told(), "")
	time.Sleep(touch)
	w.is("of a request that asks for another protocol", func() bool {
		s, err := w.load(w.host, &life.Visitor{Upgrade: true}, old)
		w.must(errors.Join(err, s.Commit(t.Context(), false)))
		return s.Owes()
	}(), false)

	w.store.save = func(store.Record) error { return store.ErrUnconfirmed }
	failed := w.visit(old)
	w.must(failed.Commit(t.Context(), false)) // a request that only reads does not fail for it
	w.is("reported is", w.told(), life.RotateFailed)
	w.is("a token is due", failed.Owes(), false)
	w.must(set(failed, "b", "y")) // it is not in doubt
	w.store.save = nil

	ended := w.stored("", "")
	time.Sleep(rotateEvery)
	over := w.visit(ended)
	w.must(w.elsewhere(ended).Destroy(t.Context(), func() {}))
	w.must(over.Commit(t.Context(), false)) // nor if its session has ended
	w.is("reported is", w.told(), "")

	s := w.visit(old)
	w.must(s.Commit(t.Context(), false))
	w.is("reported is", w.told(), life.Rotated)
	next := w.token(s)
	w.is("it is another", next != old, true)
	time.Sleep(10 * grace)
	w.finds(old, "u: a=x") // nobody has confirmed the other
	again := w.visit(old)
	w.must(again.Commit(t.Context(), false))
	w.is("one that went unconfirmed is issued again", w.told(), life.Rotated)

	confirming := w.visit(next)
	w.must(confirming.Commit(t.Context(), false))
	w.is("a confirmation reports", w.told(), "")
	w.is("and gives no token", confirming.Owes(), false)
	time.Sleep(grace - time.Second)
	w.finds(old, "u: a=x")
	late := w.visit(old)
	w.must(errors.Join(set(late, "b", "y"), late.Commit(t.Context(), false)))
	w.is("by the old token there is no other: due", late.Owes(), false)
	time.Sleep(time.Second)
	w.tell()
	w.finds(old, ":")
	w.is("reported is", w.told(), life.Reused)
	w.finds(next, "u: a=x b=y")
}

// Of two requests that are to rotate one does. The client is not told the secret of the other,
// which is in no record.
func TestARequestThatIsNotTheFirstToRotateGivesNoToken(t *testing.T) {
	synctest.Test(t, testRotateTogether)
}

func testRotateTogether(t *testing.T) {
	for name, do := range map[string]func(s *life.Session) error{
		"that changes": func(s *life.Session) error { return set(s, "b", "y") },
		"that reads":   func(*life.Session) error { return nil },
	} {
		w := newWorld(t, rotating)
		token := w.stored("", "a=x")
		time.Sleep(rotateEvery)
		s := w.visit(token)
		w.must(do(s))
		w.store.save = func(store.Record) error {
			w.store.save = nil
			w.must(w.elsewhere(token).Commit(t.Context(), false))
			return errAsk
		}
		w.must(s.Commit(t.Context(), false))
		w.is("reported by a request "+name, w.told(), "")
		w.is("it has a token", s.Owes(), false)
	}
}

// A long request that has given its client a token rotates that one too.
func TestATokenOfTheSameRequestIsRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotating)
		s := w.visit(w.stored("u", "a=x"))
		w.must(errors.Join(renew(s), s.Commit(t.Context(), false)))
		first := w.token(s)
		time.Sleep(rotateEvery)
		w.must(errors.Join(set(s, "b", "y"), s.Commit(t.Context(), false)))
		w.finds(w.token(s), "u: a=x b=y")
		w.finds(first, "u: a=x b=y")
	})
}

// A use that was written beside a longer lifetime keeps the end of before: the next request
// writes the right one, however soon it comes.
func TestASessionThatEndsTooSoonIsWrittenAtOnce(t *testing.T) { synctest.Test(t, testTooSoon) }

func testTooSoon(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x")
	rec, err := w.store.Load(t.Context(), w.visit(token).ID())
	w.must(err)
	var was time.Time
	early := func() {
		old := rec.Version
		rec.Version, rec.Expires = old+1, time.Now().Add(idle/2).UTC()
		w.must(w.store.Delete(t.Context(), rec.ID)) // a store keeps the later end of two
		w.must(w.store.Create(t.Context(), rec))
		was = rec.Expires
	}
	for name, test := range map[string]struct {
		passive bool
		do      func(s *life.Session) error
		want    time.Duration
	}{
		"a request":         {false, func(s *life.Session) error { return s.Commit(t.Context(), false) }, idle},
		"Touch":             {false, func(s *life.Session) error { return s.Touch(t.Context()) }, idle},
		"a passive request": {true, func(s *life.Session) error { return s.Commit(t.Context(), false) }, idle / 2},
	} {
		early()
		s, err := w.load(w.host, &life.Visitor{Passive: test.passive}, token)
		w.must(errors.Join(err, test.do(s)))
		got, err := w.store.Load(t.Context(), rec.ID)
		w.must(err)
		w.is(name+" moves the end by", got.Expires.Sub(was), test.want-idle/2)
	}
}
