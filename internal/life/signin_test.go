package life_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/mark"
	"github.com/b4468f51/session/store"
)

func events(kinds ...string) string { return strings.Join(kinds, ", ") }

// signIn is a request that signs a subject in, and commits.
func (w *world) signIn(subject string, tokens ...string) (*life.Session, error) {
	w.t.Helper()
	s := w.visit(tokens...)
	w.must(login(w.host, s, subject))
	return s, s.Commit(w.t.Context(), false)
}

func TestASignInGivesTheClientAnotherToken(t *testing.T) {
	w := newWorld(t)
	old := w.stored("", "a=x")
	id := w.visit(old).ID()
	s, err := w.signIn("u", old)
	w.must(err)
	w.is("reported is", w.told(), life.Login)
	w.is("the ID", s.ID(), id)
	token := w.token(s)
	w.must(errors.Join(s.Reload(t.Context()), s.Touch(t.Context()))) // this request knows the new token
	w.finds(token, "u: a=x")
	w.finds(old, ":") // by the old token nobody gets in

	w.tell()
	for _, test := range []struct {
		kind change.Kind
		with change.Signing
		told string
	}{
		{change.Renew, change.Signing{}, life.Renewed},
		{change.Reauthenticate, change.Signing{Subject: w.host.Scope("u"), Level: 2}, life.Reauthenticated},
	} {
		s := w.visit(token)
		w.must(s.Sign(test.kind, test.with))
		w.must(s.Commit(t.Context(), false))
		w.is("reported is", w.told(), test.told)
		next := w.token(s)
		w.is("of the token before", shows(w.visit(token)), ":")
		w.tell()
		token = next
		w.finds(token, "u: a=x")
	}

	in := w.visit(token)
	w.must(in.Sign(change.Lifetime, change.Signing{Lifetime: envelope.Lifetime{Absolute: 20 * time.Hour, Persistent: true}}))
	w.must(in.Commit(t.Context(), false))
	h := in.CloseHeader()
	w.is("a token of its own lifetime lasts", h.Token.Until.IsZero(), false)
	w.is("persistent", in.Persistent(), true)
	w.finds(h.Token.Text, "u: a=x")
	w.finds(token, "u: a=x") // nothing was killed
}

// A sign-in ends every session that its request has presented.
func TestASignInEndsTheOtherSessionsOfItsRequest(t *testing.T) {
	w := newWorld(t)
	one, two, dead := w.stored("v", "a=x"), w.stored("", "b=y"), w.stored("x", "c=z")
	killed := w.visit(dead)
	w.must(errors.Join(renew(killed), killed.Commit(t.Context(), false)))
	w.tell()
	s, err := w.signIn("u", one, two)
	w.must(err)
	w.is("reported is", w.told(), events(life.Duplicate, life.Revoked, life.Revoked, life.Created, life.Login))
	w.finds(one, ":")
	w.finds(two, ":")
	w.finds(w.token(s), "u:")

	// Another subject's session ends too; of the same subject it goes on.
	v := w.stored("v", "a=x")
	w.tell()
	s, err = w.signIn("u", v)
	w.must(err)
	w.is("reported is", w.told(), events(life.Revoked, life.Created, life.Login))
	w.finds(v, ":")
	w.must(set(s, "b", "y"))
	s.Discard() // not the sign-in, which is stored
	w.is("nothing of it is left", shows(s), "u:")
	w.is("new", s.IsNew(), true)

	// By a killed token nobody ends a session.
	live := w.token(killed)
	w.tell()
	_, err = w.signIn("u", dead)
	w.must(err)
	w.finds(live, "x: c=z")
	if _, err = w.signIn("u", dead, "rubbish"); err != nil {
		t.Error(err)
	}
	w.finds(live, "x: c=z")
}

// What a Login has put aside comes back where the Login is dropped.
func TestALoginThatIsDroppedLeavesTheSessionBefore(t *testing.T) {
	w := newWorld(t)
	token := w.stored("v", "a=x")
	s := w.visit(token)
	w.must(errors.Join(login(w.host, s, "x"), login(w.host, s, "u"), set(s, "b", "y")))
	w.is("it shows", shows(s), "u: b=y")
	s.Discard()
	w.is("then it shows", shows(s), "v: a=x")
	w.must(errors.Join(set(s, "c", "z"), s.Commit(t.Context(), false)))
	w.finds(token, "v: a=x c=z")

	// Once it has ended there is nothing to come back to.
	w.must(login(w.host, s, "u"))
	w.store.create = func(store.Record) error { return errLost }
	w.fails("Commit", s.Commit(t.Context(), false), errLost)
	w.store.create = nil
	s.Discard()
	w.is("it shows", shows(s), ":")
	w.finds(token, ":")
}

// After a double click the second sign-in keeps the values, as the first has.
func TestASecondSignInWithTheSameTokenKeepsTheValues(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "a=x")
	late := w.visit(token)
	_, err := w.signIn("u", token)
	w.must(err)
	w.must(errors.Join(login(w.host, late, "u"), late.Commit(t.Context(), false)))
	w.finds(w.token(late), "u: a=x")
	later, err := w.signIn("u", token)
	w.must(err)
	w.finds(w.token(later), "u: a=x")
	other, err := w.signIn("v", token)
	w.must(err)
	w.finds(w.token(other), "v:")
}

func limited(refuse bool) func(*life.Settings) {
	return func(s *life.Settings) { s.MaxSessions, s.RefuseLogin = 2, refuse }
}

func TestASubjectHasNoMoreSessionsThanItMay(t *testing.T) { synctest.Test(t, testMaxSessions) }

func testMaxSessions(t *testing.T) {
	w := newWorld(t, limited(false))
	var tokens []string
	for range 3 {
		tokens = append(tokens, w.stored("u", ""))
		time.Sleep(time.Second)
	}
	w.finds(tokens[0], ":") // the one that signed in longest ago is evicted
	w.finds(tokens[1], "u:")
	w.finds(tokens[2], "u:")
	w.is("sessions of another", w.sessions("v"), 0)

	w.store.delete = func(store.ID) error { return errLost }
	w.tell()
	s, err := w.signIn("u")
	w.must(err) // the next sign-in evicts
	w.is("reported is", w.told(), events(life.LimitFailed, life.Created, life.Login))
	w.finds(w.token(s), "u:")
	w.store.delete = nil

	time.Sleep(time.Second)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			s := w.visit()
			err := errors.Join(login(w.host, s, "u"), s.Commit(t.Context(), false))
			if err != nil && !errors.Is(err, errEnded) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.is("after ten at once it has", w.sessions("u"), 2)
}

func TestASignInOverTheLimitIsRefused(t *testing.T) { synctest.Test(t, testRefuseLogin) }

func testRefuseLogin(t *testing.T) {
	w := newWorld(t, limited(true))
	one, two := w.stored("u", "a=x"), w.stored("u", "")
	s, err := w.signIn("u")
	w.fails("the third", err, mark.ErrTooMany)
	w.is("reported is", w.told(), life.Refused)
	w.is("sessions", w.sessions("u"), 2)
	s.Discard()
	w.is("without the sign-in it shows", shows(s), ":")

	again, err := w.signIn("u", one)
	w.must(err) // it has a place
	w.is("sessions", w.sessions("u"), 2)
	// Its answer was lost: the client comes with the killed token, and that session gives way.
	w.tell()
	lost, err := w.signIn("u", one)
	w.must(err)
	w.is("reported is", w.told(), events(life.Stale, life.Revoked, life.Created, life.Login))
	w.is("sessions", w.sessions("u"), 2)
	w.finds(w.token(again), ":")
	w.finds(w.token(lost), "u: a=x")

	// Whoever brings the session of another subject, and takes a place, gives one back.
	w.must(w.visit(two).Destroy(t.Context(), func() {}))
	w.store.create = func(rec store.Record) error {
		if rec.Subject == "" {
			return errAsk // a mark
		}
		return errLost
	}
	_, err = w.signIn("u")
	w.fails("a write that fails", err, errLost)
	w.store.create = nil
	_, err = w.signIn("u")
	w.must(err) // the place is free again

	w.must(w.host.Revoke(t.Context(), lost.ID(), ""))
	var all sync.WaitGroup
	in := 0
	for range 5 {
		all.Go(func() {
			s := w.visit()
			if err := errors.Join(login(w.host, s, "u"), s.Commit(t.Context(), false)); err == nil {
				w.mu.Lock()
				in++
				w.mu.Unlock()
			} else if !errors.Is(err, mark.ErrTooMany) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.is("of five at once there get in", in, 1)
}

// slow is a store whose answer to a Create comes when its time is over, and after which nothing
// more is done in that time.
type slow struct {
	*faulty
	on bool
}

func (s *slow) Create(ctx context.Context, rec store.Record) error {
	err := s.faulty.Create(ctx, rec)
	if s.on && rec.Subject != "" {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (s *slow) Load(ctx context.Context, id store.ID) (store.Record, error) {
	if ctx.Err() != nil {
		return store.Record{}, ctx.Err()
	}
	return s.faulty.Load(ctx, id)
}

func (s *slow) Save(ctx context.Context, rec store.Record, old uint64) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.faulty.Save(ctx, rec, old)
}

func (s *slow) Delete(ctx context.Context, id store.ID) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.faulty.Delete(ctx, id)
}

// A sign-in of which nobody knows when its time is over takes no place: its record and its place
// are given up in a time of their own.
func TestASignInWhoseTimeIsOverTakesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := &slow{w.store, true}
		w.host = life.NewHost(slow, w.settings(func(s *life.Settings) { s.MaxSessions, s.RefuseLogin = 1, true }))
		s := w.visit()
		w.must(login(w.host, s, "u"))
		w.fails("commit", s.Commit(t.Context(), false), context.DeadlineExceeded)
		slow.on = false
		s = w.visit()
		w.must(login(w.host, s, "u"))
		w.must(s.Commit(t.Context(), false))
	})
}

// A request that has its user prove again who they are, and then sign in, is signed in though the
// session has ended meanwhile.
func TestASignInAfterAReauthenticationOutlivesTheSession(t *testing.T) {
	w := newWorld(t)
	token := w.stored("u", "a=x")
	s := w.visit(token)
	w.must(s.Sign(change.Reauthenticate, change.Signing{Subject: w.host.Scope("u")}))
	w.must(login(w.host, s, "u"))
	w.must(w.elsewhere(token).Destroy(t.Context(), func() {}))
	w.must(s.Commit(t.Context(), false))
	w.finds(w.token(s), "u:")
}

// In a store that cannot list, RevokeAll writes no not-before, and no sign-in looks for one.
func TestASignInLooksForNoRevocationWhereNoneCanBe(t *testing.T) {
	for name, want := range map[string]int{"with a list": 1, "without": 0} {
		w := newWorld(t)
		if name == "without" {
			w.host = life.NewHost(struct{ store.Store }{w.store}, w.settings())
		}
		s := w.visit()
		w.must(login(w.host, s, "u"))
		w.must(s.Commit(t.Context(), false))
		w.is(name+": loads", w.store.loads, want)
	}
}
