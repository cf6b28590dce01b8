package life_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
)

func TestACommitStoresWhatIsPendingAndATokenIsDueOnce(t *testing.T) {
	w := newWorld(t)
	r := &request{ctx: t.Context(), bound: make([]byte, 32)}
	s, err := w.load(w.host, &life.Visitor{Request: r})
	w.must(err)
	w.must(set(s, "a", "x"))
	w.is("known before is the ID", s.KnownID(), store.ID{})
	w.must(s.Commit(t.Context(), false))
	w.is("writes", w.written(), 1)
	w.is("reported is", w.told(), life.Created)
	w.is("new", s.IsNew(), true)
	w.is("the request hears of a token", len(r.due) == 1 && r.due[0] == s.KnownID(), true)
	if base := life.Read(s, func(d *change.Draft) []byte { return d.Meta().BindBase() }); string(base) != string(r.bound) {
		t.Error("what was bound to the client before is not kept")
	}
	token := w.token(s)
	if _, ok := s.TakeToken(); ok {
		t.Error("the token is due twice")
	}
	w.finds(token, ": a=x")

	w.must(set(s, "b", "y")) // the client has the token by now
	w.must(s.Commit(t.Context(), false))
	w.is("reported is", w.told(), "")
	w.is("a token is due for a further change", s.Owes(), false)
	w.finds(token, ": a=x b=y")
	w.must(s.Commit(t.Context(), false))
	w.is("writes", w.written(), 1)
}

func TestANewSessionIsStoredOnceThereIsSomethingInIt(t *testing.T) {
	for name, test := range map[string]struct {
		do       func(w *world, s *life.Session) error
		storeNew bool
		want     bool
	}{
		"nothing":               {nil, false, false},
		"nothing, for Start":    {nil, true, true},
		"a value":               {func(_ *world, s *life.Session) error { return set(s, "a", "x") }, false, true},
		"a value that is gone":  {func(_ *world, s *life.Session) error { return errors.Join(set(s, "a", "x"), remove(s, "a")) }, false, false},
		"a renewal":             {func(_ *world, s *life.Session) error { return renew(s) }, false, false},
		"a sign-in":             {func(w *world, s *life.Session) error { return login(w.host, s, "u") }, false, true},
		"a label":               {func(_ *world, s *life.Session) error { return s.Apply(change.Op{Kind: change.Label, Value: text("p")}) }, false, false},
		"a lifetime of its own": {func(_ *world, s *life.Session) error { return s.Sign(change.Lifetime, change.Signing{}) }, false, true},
	} {
		w := newWorld(t)
		s := w.visit()
		if test.do != nil {
			w.must(test.do(w, s))
		}
		w.must(s.Commit(t.Context(), test.storeNew))
		w.is(name+": stored", w.written() > 0, test.want)
		token, due := s.TakeToken()
		w.is(name+": a token is due", due, test.want)
		w.is(name+": told", strings.Contains(w.told(), life.Created), test.want)
		w.is(name+": the next request has it", due && !w.visit(token.Text).IsNew(), test.want)
	}
}

// A visitor who is not admitted gets no session. Who signs in is.
func TestAVisitorWhoIsNotAdmittedGetsNoSession(t *testing.T) {
	w := newWorld(t)
	full := errors.New("full")
	r := &request{ctx: t.Context(), admit: full}
	s, err := w.load(w.host, &life.Visitor{Request: r})
	w.must(err)
	w.must(set(s, "a", "x"))
	err = s.Commit(t.Context(), false)
	w.fails("Commit", err, life.ErrRefused)
	w.fails("which says why", err, full)
	w.is("writes", w.written(), 0)
	w.is("reported is", w.told(), life.Refused)
	w.is("it still shows", shows(s), ": a=x")
	w.must(login(w.host, s, "u"))
	w.must(s.Commit(t.Context(), false))
	w.finds(w.token(s), "u: a=x")

	in, err := w.load(w.host, &life.Visitor{Request: r}, w.stored("", "a=x"))
	w.must(err)
	w.must(set(in, "b", "y"))
	w.must(in.Commit(t.Context(), false)) // a session that is stored is admitted
}

func TestACommitMergesWithWhatOthersHaveStored(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x n=I")
	s, first := w.visit(token), w.elsewhere(token)
	w.must(errors.Join(set(first, "b", "y"), count(first, "n"), first.Commit(t.Context(), false)))
	w.must(errors.Join(set(s, "c", "z"), count(s, "n")))
	w.is("before the commit it shows", shows(s), ": a=x c=z n=II")
	w.must(s.Commit(t.Context(), false))
	w.is("then it shows", shows(s), ": a=x b=y c=z n=III")
	w.finds(token, ": a=x b=y c=z n=III")
}

// Where others were first with what cannot be merged, the handler sees what they have stored.
func TestAConflictIsSeenAndDroppedBySave(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x")
	pop := change.Op{Kind: change.Pop, Key: "a", Value: text("x")}
	s, first := w.visit(token), w.elsewhere(token)
	w.must(errors.Join(first.Apply(pop), set(first, "b", "y"), first.Commit(t.Context(), false)))
	w.must(errors.Join(s.Apply(pop), set(s, "c", "z")))
	w.fails("Save", s.Save(t.Context()), change.ErrConflict)
	w.is("it shows", shows(s), ": b=y")
	w.is("something is pending", s.Owes(), false)
	w.is("reported is", w.told(), "")
	w.must(set(s, "d", "v"))
	w.must(s.Save(t.Context()))
	w.finds(token, ": b=y d=v")
}

func TestACommitFindsThatTheSessionHasEnded(t *testing.T) {
	w := newWorld(t)
	for name, end := range map[string]func(other *life.Session) error{
		"destroyed": func(other *life.Session) error { return other.Destroy(t.Context(), func() {}) },
		"renewed":   func(other *life.Session) error { return errors.Join(renew(other), other.Commit(t.Context(), false)) },
	} {
		token := w.stored("", "a=x")
		s := w.visit(token)
		w.must(end(w.elsewhere(token)))
		w.must(set(s, "b", "y"))
		w.fails(name+": Save", s.Save(t.Context()), errEnded)
		w.is(name+": it shows", shows(s), ":")
		w.is(name+": a token is due", s.Owes(), false)
		w.fails(name+": Set", set(s, "c", "z"), errEnded)
		w.must(login(w.host, s, "u")) // begins anew
		w.must(s.Commit(t.Context(), false))
		w.finds(w.token(s), "u:")
	}
}

// An error of the store before it was asked to write leaves all as it was. Where its answer
// to a write is lost, nobody knows, and no other commit tries.
func TestAFailedWriteGivesTheOperationsBack(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "n=I")
	s := w.visit(token)
	w.must(count(s, "n"))
	w.store.save = func(store.Record) error { return errLost }
	w.store.load = func(store.ID) error { return errLost }
	err := s.Save(t.Context())
	w.fails("Save", err, errLost)
	w.is("reported is", w.told(), life.CommitFailed)
	w.store.save, w.store.load = nil, nil
	w.is("it still shows", shows(s), ": n=II")
	w.is("a second Save returns the same error", s.Save(t.Context()), err)
	w.is("and Commit", s.Commit(t.Context(), false), err)
	w.is("and Set", set(s, "a", "x"), err)
	w.finds(token, ": n=I")
	s.Discard()
	w.must(s.Commit(t.Context(), false)) // there is nothing left to write
	w.is("without what was dropped it shows", shows(s), ": n=I")
}

func TestACommitGoesOnWhenItsClientHangsUp(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "n=I")
	s := w.visit(token)
	w.must(count(s, "n"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.must(s.Commit(ctx, false))
	w.finds(token, ": n=II")
}

// What the store was not asked yet stays pending: Save may be called again.
func TestAnErrorBeforeTheWriteIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	old := w.stored("v", "a=x")
	s := w.visit(old)
	w.must(login(w.host, s, "u")) // ends the session of v first, which fails
	w.store.delete = func(store.ID) error { return errLost }
	w.fails("Save", s.Save(t.Context()), errLost)
	w.is("reported is", w.told(), life.CommitFailed)
	w.is("it still shows", shows(s), "u:")
	w.finds(old, "v: a=x")
	w.store.delete = nil
	w.must(s.Save(t.Context()))
	w.is("reported is", w.told(), strings.Join([]string{life.Revoked, life.Created, life.Login}, ", "))
	w.finds(w.token(s), "u:")
	w.finds(old, ":")
}

// A first write in doubt may have left a record, whose token nobody has. Destroy removes it.
func TestDestroyRemovesWhatMayHaveBeenWritten(t *testing.T) {
	w := newWorld(t)
	s := w.visit()
	w.must(set(s, "a", "x"))
	var id store.ID
	w.store.create = func(rec store.Record) error {
		id = rec.ID
		w.must(w.store.Store.Create(t.Context(), rec))
		return store.ErrUnconfirmed
	}
	w.fails("Save", s.Save(t.Context()), store.ErrUnconfirmed)
	w.store.create = nil
	w.must(s.Destroy(t.Context(), func() {}))
	_, err := w.store.Load(t.Context(), id)
	w.fails("the record", err, store.ErrNotFound)
	w.must(set(s, "a", "y"))
	w.must(s.Commit(t.Context(), false))
	w.finds(w.token(s), ": a=y")
}

// A write that others have followed with a renewal is in, but its token is dead.
func TestAWriteThatARenewalFollowedEndsTheRequest(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x")
	s := w.visit(token)
	w.must(set(s, "b", "y"))
	w.store.save = func(rec store.Record) error {
		w.store.save = nil
		old, err := w.store.Store.Load(t.Context(), rec.ID)
		w.must(err)
		w.must(w.store.Store.Save(t.Context(), rec, old.Version))
		other := w.elsewhere(token)
		w.must(errors.Join(renew(other), other.Commit(t.Context(), false)))
		return errLost
	}
	w.must(s.Commit(t.Context(), false)) // it is in
	w.fails("Set", set(s, "c", "z"), errEnded)
	w.is("a token is due", s.Owes(), false)
}

// A token that was not sent yet is not sent for a session that has ended meanwhile.
func TestATokenIsNotDueOnceItsSessionHasEnded(t *testing.T) {
	w := newWorld(t)
	s := w.visit()
	w.must(errors.Join(set(s, "a", "x"), s.Save(t.Context())))
	w.must(w.host.Revoke(t.Context(), s.ID(), ""))
	w.fails("Reload", s.Reload(t.Context()), errEnded)
	_, due := s.TakeToken()
	w.is("a token is due", due, false)
}

// What is set back to what is stored is no change.
func TestNoWriteForWhatIsSetBack(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x b=y")
	s := w.visit(token)
	w.must(errors.Join(set(s, "a", "z"), set(s, "a", "x"), remove(s, "b"), set(s, "b", "y"), remove(s, "c")))
	w.must(s.Commit(t.Context(), false))
	w.is("writes", w.written(), 0)

	first := w.elsewhere(token)
	w.must(errors.Join(set(first, "c", "v"), first.Commit(t.Context(), false)))
	w.must(s.Apply(change.Op{Kind: change.Clear})) // it meets what others have stored
	w.must(errors.Join(set(s, "a", "x"), set(s, "b", "y"), s.Commit(t.Context(), false)))
	w.finds(token, ": a=x b=y")
}

func TestWhatIsSetDuringACommitComesWithTheNext(t *testing.T) { synctest.Test(t, testSetMeanwhile) }

func testSetMeanwhile(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "n=I")
	s := w.visit(token)
	w.must(count(s, "n"))
	w.store.save = func(store.Record) error {
		w.store.save = nil
		w.must(errors.Join(count(s, "n"), set(s, "a", "x")))
		return errAsk
	}
	w.must(s.Commit(t.Context(), false))
	w.is("it shows", shows(s), ": a=x n=III")
	w.finds(token, ": n=II")
	w.must(s.Commit(t.Context(), false))
	w.finds(token, ": a=x n=III")

	// A commit ends in time, whatever its store does.
	w.must(count(s, "n"))
	w.store.save = func(store.Record) error { time.Sleep(settings.CommitTimeout); return context.DeadlineExceeded }
	began := time.Now()
	var failed *commit.StoreError
	if err := s.Commit(t.Context(), false); !errors.As(err, &failed) || time.Since(began) > 2*settings.CommitTimeout {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

// The first write of a session without values, as Manager.Start does, is reported where it fails.
func TestAFirstWriteThatFailsIsReported(t *testing.T) {
	w := newWorld(t)
	s := w.visit()
	w.store.create = func(store.Record) error { return errLost }
	w.fails("commit", s.Commit(t.Context(), true), errLost)
	w.is("told", w.told(), life.CommitFailed)
}

// A refusing request has something else happen while it is asked.
type refusing struct {
	*request
	beside func()
}

func (r refusing) Admit() error {
	if r.beside != nil {
		r.beside()
	}
	return r.admit
}

// What a Save was to commit is dropped where it cannot be, of a session that is not stored too, and
// not what was set since.
func TestASaveOfANewSessionDropsItsOwnChangesAlone(t *testing.T) {
	w := newWorld(t)
	r := refusing{request: &request{ctx: t.Context(), admit: errors.New("not now")}}
	s := new(life.Session)
	r.beside = func() { w.must(set(s, "b", "y")) }
	w.must(s.Load(w.host, &life.Visitor{Request: &r, Time: time.Now()}, nil, new(limit.Context)))
	w.must(set(s, "a", "x"))
	w.fails("Save", s.Save(t.Context()), life.ErrRefused)
	w.is("it shows", shows(s), ": b=y")
	r.admit, r.beside = nil, nil
	w.must(s.Save(t.Context()))
	w.finds(w.token(s), ": b=y")
}
