package life_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/mark"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// A request with several good tokens uses none of their sessions, and may end them all.
func TestSeveralTokensAreEndedTogether(t *testing.T) { synctest.Test(t, testSeveral) }

func testSeveral(t *testing.T) {
	w := newWorld(t, rotating)
	// Good are a token that a rotation has replaced, and the one that nobody has confirmed.
	rotated := w.stored("v", "a=x")
	time.Sleep(rotateEvery)
	in := w.visit(rotated)
	w.must(in.Commit(t.Context(), false))
	pending := w.token(in)
	retiring := w.stored("x", "")
	time.Sleep(rotateEvery)
	in = w.visit(retiring)
	w.must(in.Commit(t.Context(), false))
	w.must(w.visit(w.token(in)).Commit(t.Context(), false))
	// A killed one is not.
	killed := w.stored("y", "b=y")
	in = w.visit(killed)
	w.must(errors.Join(renew(in), in.Commit(t.Context(), false)))
	live := w.token(in)

	for name, end := range map[string]func(s *life.Session) error{
		"Destroy":   func(s *life.Session) error { return s.Destroy(t.Context(), func() {}) },
		"a sign-in": func(s *life.Session) error { return errors.Join(login(w.host, s, "u"), s.Commit(t.Context(), false)) },
	} {
		one := w.stored("", "c=z")
		s := w.visit(one, killed, pending, "rubbish", retiring, one)
		w.must(end(s))
		for _, token := range []string{one, pending, retiring, rotated} {
			w.finds(token, ":")
		}
		w.finds(live, "y: b=y")
		w.tell()
		w.store.loads = 0
		w.must(s.Destroy(t.Context(), func() {}))
		w.is(name+": the tokens are looked at again: loads", w.store.loads, 0)
		pending, retiring = w.stored("", ""), w.stored("", "")
	}
}

// A record that cannot be read is nobody's, and stops nobody.
func TestACorruptRecordAmongSeveralIsLeft(t *testing.T) {
	w := newWorld(t)
	corrupt, now := sid.Token{ID: sid.NewID(), Secret: sid.NewSecret()}, time.Now().UTC().Truncate(time.Second)
	w.must(w.store.Create(t.Context(), store.Record{
		ID: corrupt.ID, Version: 1, Data: []byte("garbage"), Created: now, Seen: now, Expires: now.Add(idle), Deadline: now.Add(idle),
	}))
	one, two := w.stored("", "a=x"), w.stored("", "b=y")
	w.must(w.visit(one, corrupt.Reveal(), two).Destroy(t.Context(), func() {}))
	w.finds(one, ":")
	w.finds(two, ":")
}

// What was ended before an error is not ended, and told, again.
func TestASignInThatIsTriedAgainEndsTheRest(t *testing.T) {
	w := newWorld(t)
	one, two := w.stored("v", ""), w.stored("", "a=x")
	s := w.visit(one, two)
	w.must(login(w.host, s, "u"))
	w.tell()
	deletes := 0
	w.store.delete = func(store.ID) error {
		if deletes++; deletes == 2 {
			return errLost
		}
		return errAsk
	}
	w.fails("Save", s.Save(t.Context()), errLost)
	w.is("reported is", w.told(), events(life.Revoked, life.CommitFailed))
	w.must(s.Save(t.Context()))
	w.is("reported is", w.told(), events(life.Revoked, life.Created, life.Login))
	w.is("deletes", deletes, 3)
	w.finds(w.token(s), "u:")
}

// Nobody is thrown out because a limit was made lower: further sign-ins are refused.
func TestALowerLimitEndsNobodysSession(t *testing.T) {
	w := newWorld(t, limited(true))
	unlimited := life.NewHost(w.store, w.settings())
	var tokens []string
	for range 5 {
		s, err := w.load(unlimited, &life.Visitor{})
		w.must(errors.Join(err, login(unlimited, s, "u"), s.Commit(t.Context(), false)))
		tokens = append(tokens, w.token(s))
	}
	again, err := w.signIn("u", tokens[0])
	w.must(err)
	w.is("sessions", w.sessions("u"), 5)
	tokens[0] = w.token(again)

	// Two of five give way, and three are still too many, whichever the store lists first.
	for i := range tokens {
		two := []string{tokens[i], tokens[(i+1)%len(tokens)]}
		_, err := w.signIn("u", two...)
		w.fails("in the place of two", err, mark.ErrTooMany)
	}
	w.is("sessions", w.sessions("u"), 5)
	_, err = w.signIn("u", tokens[:4]...)
	w.must(err)
	w.is("sessions after four gave way", w.sessions("u"), 2)
}

// Whoever signs in first, and commits last, is the one that is too many.
func TestASignInThatOthersHaveOvertakenEnds(t *testing.T) { synctest.Test(t, testOvertaken) }

func testOvertaken(t *testing.T) {
	w := newWorld(t, limited(false))
	s := w.visit()
	w.must(login(w.host, s, "u"))
	time.Sleep(time.Second)
	one, two := w.stored("u", "a=x"), w.stored("u", "")
	w.fails("Commit", s.Commit(t.Context(), false), errEnded)
	w.is("a token is due", s.Owes(), false)
	w.finds(one, "u: a=x")
	w.finds(two, "u:")
}

// Where the session of a sign-in ends in its course, the one in its place needs a place too.
func TestASignInThatBeginsAnewIsCountedToo(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(w *world, token string)
		want      error
		keeps     string
	}{
		"destroyed, and another signed in": {func(w *world, token string) {
			w.must(w.elsewhere(token).Destroy(w.t.Context(), func() {}))
			s, err := w.load(w.other, &life.Visitor{})
			w.must(errors.Join(err, login(w.other, s, "u"), s.Commit(w.t.Context(), false)))
		}, mark.ErrTooMany, ""},
		"signed in by a double click": {func(w *world, token string) {
			s := w.elsewhere(token)
			w.must(errors.Join(login(w.other, s, "u"), s.Commit(w.t.Context(), false)))
		}, nil, "u: a=x"},
		"destroyed": {func(w *world, token string) {
			w.must(w.elsewhere(token).Destroy(w.t.Context(), func() {}))
		}, nil, "u:"},
	} {
		w := newWorld(t, limited(true))
		token := w.stored("u", "a=x")
		w.stored("u", "")
		s := w.visit(token)
		w.must(login(w.host, s, "u"))
		w.store.save = func(rec store.Record) error {
			if rec.Subject == "" {
				return errAsk // a mark
			}
			w.store.save = nil
			test.meanwhile(w, token)
			return errAsk
		}
		w.fails(name, s.Commit(t.Context(), false), test.want)
		w.is(name+": sessions", w.sessions("u"), 2)
		if test.want == nil {
			w.finds(w.token(s), test.keeps)
			w.is(name+": new", s.IsNew(), true)
		}
	}
}

// A sign-in of which nobody knows whether it was written takes no place.
func TestASignInInDoubtTakesNoPlace(t *testing.T) {
	w := newWorld(t)
	w.store.create = func(rec store.Record) error {
		w.must(w.store.Store.Create(t.Context(), rec))
		return store.ErrUnconfirmed
	}
	_, err := w.signIn("u")
	w.fails("Commit", err, store.ErrUnconfirmed)
	w.is("sessions", w.sessions("u"), 0)
}

// What the handler has done during a commit that failed comes after what that was to write.
func TestAFailedCommitGivesItsOperationsBackInOrder(t *testing.T) {
	w := newWorld(t, limited(true))
	token := w.stored("", "b=y")
	s := w.visit(token)
	w.must(errors.Join(login(w.host, s, "u"), set(s, "a", "first")))
	w.store.load = func(store.ID) error { // of the mark
		w.must(set(s, "a", "second"))
		return errLost
	}
	w.fails("Save", s.Save(t.Context()), errLost)
	w.store.load = nil
	other := w.elsewhere(token)
	w.must(errors.Join(set(other, "b", "z"), other.Commit(t.Context(), false)))
	w.must(s.Save(t.Context()))
	w.finds(w.token(s), "u: a=second b=z")
}

// After Destroy there is nothing to go back to.
func TestDestroyForgetsWhatALoginHasPutAside(t *testing.T) {
	w := newWorld(t)
	token := w.stored("v", "a=x")
	s := w.visit(token)
	w.must(errors.Join(login(w.host, s, "u"), s.Destroy(t.Context(), func() {}), set(s, "b", "y")))
	w.finds(token, ":")
	s.Discard()
	w.is("it shows", shows(s), ":")
	w.must(set(s, "b", "y"))
}

// The record of a sign-in that may have been written is Destroy's to remove, also when the
// handler has dropped the sign-in.
func TestDestroyRemovesASignInThatWasDropped(t *testing.T) {
	w := newWorld(t)
	s := w.visit(w.stored("v", "a=x"))
	var begun store.ID
	w.store.create = func(rec store.Record) error {
		begun = rec.ID
		w.must(w.store.Store.Create(t.Context(), rec))
		return store.ErrUnconfirmed
	}
	w.store.delete = func(id store.ID) error {
		if id == begun {
			return errLost
		}
		return errAsk
	}
	w.must(login(w.host, s, "u"))
	w.fails("Save", s.Save(t.Context()), store.ErrUnconfirmed)
	s.Discard()
	w.is("sessions", w.sessions("u"), 1)
	w.fails("Destroy", s.Destroy(t.Context(), func() {}), errLost)
	w.store.delete = nil
	w.must(s.Destroy(t.Context(), func() {}))
	w.is("sessions", w.sessions("u"), 0)
}

// They are those that the request arrived with, whatever its handler makes of it.
func TestSeveralTokensAreReadWithTheRequest(t *testing.T) {
	w := newWorld(t)
	a, b := w.stored("u", "a=x"), w.stored("v", "")
	r := &request{ctx: t.Context(), tokens: []string{a, b}}
	s, err := w.load(w.host, &life.Visitor{Request: r}, a, b)
	w.must(err)
	r.tokens = nil
	w.must(s.Destroy(t.Context(), func() {}))
	w.finds(a, ":")
	w.finds(b, ":")
}

// A driver that panics leaves no lock behind: what is unlocked twice ends the process.
func TestADriverMayPanicWhileSeveralTokensAreLookedAt(t *testing.T) {
	w := newWorld(t)
	a, b := w.stored("u", "a=x"), w.stored("v", "")
	s := w.visit(a, b)
	w.store.load = func(store.ID) error { panic("driver") }
	func() {
		defer func() {
			if p := recover(); p != "driver" {
				t.Errorf("the panic is %v", p)
			}
		}()
		_ = s.Destroy(t.Context(), func() {})
	}()
	w.store.load = nil
	w.must(s.Destroy(t.Context(), func() {}))
	w.finds(a, ":")
}

// Discard leaves them to be ended too.
func TestDiscardForgetsNoToken(t *testing.T) {
	w := newWorld(t)
	a, b := w.stored("u", "a=x"), w.stored("v", "")
	s := w.visit(a, b)
	w.must(errors.Join(login(w.host, s, "u"), login(w.host, s, "v")))
	s.Discard()
	w.must(s.Destroy(t.Context(), func() {}))
	w.finds(a, ":")
	w.finds(b, ":")
}
