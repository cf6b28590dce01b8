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

func TestRevokeAllEndsEverySessionOfASubject(t *testing.T) {
	w := newWorld(t)
	one, two, other := w.stored("u", "a=x"), w.stored("u", ""), w.stored("v", "")
	s := w.visit(one)
	n, err := w.host.RevokeAll(t.Context(), w.host.Scope("u"), nil, store.ID{})
	w.must(err)
	w.is("ended are", n, 2)
	w.is("reported is", w.told(), events(life.Revoked, life.Revoked))
	w.finds(one, ":")
	w.finds(two, ":")
	w.finds(other, "v:")
	w.must(set(s, "b", "y"))
	w.fails("a commit under way", s.Commit(t.Context(), false), errEnded)
}

func TestRevokeButSparesOne(t *testing.T) {
	w := newWorld(t)
	one, two := w.stored("u", "a=x"), w.stored("u", "")
	s := w.visit(one)
	n, err := w.host.RevokeAll(t.Context(), w.host.Scope("u"), s, s.ID())
	w.must(err)
	w.is("ended are", n, 1)
	w.finds(one, "u: a=x")
	w.finds(two, ":")
}

func TestOneSessionIsRevokedForItsSubject(t *testing.T) {
	w := newWorld(t)
	token := w.stored("u", "a=x")
	id := w.visit(token).ID()
	for _, test := range []struct {
		subject string
		want    bool
	}{{"v", false}, {"u", true}, {"u", false}} {
		ended, err := w.host.RevokeOf(t.Context(), w.host.Scope(test.subject), id)
		w.must(err)
		w.is("revoked for "+test.subject, ended, test.want)
	}
	events := w.tell()
	if len(events) != 1 || events[0].Kind != life.Revoked || events[0].ID != id || events[0].Subject != w.host.Scope("u") {
		t.Errorf("reported is %v", events)
	}
	w.finds(token, ":")
}

// A sign-in by a request that began before RevokeAll may have checked an old password.
func TestASignInThatBeganBeforeRevokeAllFails(t *testing.T) { synctest.Test(t, testNotBefore) }

func testNotBefore(t *testing.T) {
	w := newWorld(t)
	u := w.host.Scope("u")
	before, another := w.visit(), w.visit()
	time.Sleep(time.Second)
	same := w.visit() // in the same millisecond
	_, err := w.host.RevokeAll(t.Context(), u, nil, store.ID{})
	w.must(err)
	after := w.visit()
	w.must(login(w.host, same, "u"))
	w.fails("of the same time", same.Commit(t.Context(), false), errEnded)
	w.must(login(w.host, before, "u"))
	w.fails("of before", before.Commit(t.Context(), false), errEnded)
	w.is("sessions", w.sessions("u"), 0)
	w.is("reported is", w.told(), "")
	w.must(errors.Join(login(w.host, another, "v"), another.Commit(t.Context(), false)))
	w.must(errors.Join(login(w.host, after, "u"), after.Commit(t.Context(), false)))
	w.is("sessions", w.sessions("u"), 1)
}

// RevokeAll lists, and a sign-in of before may write just after that. One of the two sees
// the other: here the sign-in finds the not-before.
func TestASignInThatRevokeAllDidNotListFails(t *testing.T) { synctest.Test(t, testNotListed) }

func testNotListed(t *testing.T) {
	w := newWorld(t)
	s := w.visit()
	time.Sleep(time.Second)
	w.must(login(w.host, s, "u"))
	w.store.create = func(rec store.Record) error {
		w.store.create = nil
		if _, err := w.other.RevokeAll(t.Context(), w.host.Scope("u"), nil, store.ID{}); err != nil {
			t.Error(err)
		}
		return errAsk
	}
	w.fails("the sign-in", s.Commit(t.Context(), false), errEnded)
	w.is("sessions", w.sessions("u"), 0)
}

func TestTheRequestThatRevokesAllMaySignIn(t *testing.T) { synctest.Test(t, testCallerSpared) }

func testCallerSpared(t *testing.T) {
	w := newWorld(t)
	u := w.host.Scope("u")
	token := w.stored("u", "a=x")
	s, beside := w.visit(token), w.visit()
	time.Sleep(time.Second)
	for range 2 { // its own not-before does not keep it from being spared again
		_, err := w.host.RevokeAll(t.Context(), u, s, store.ID{})
		w.must(err)
	}
	w.must(errors.Join(s.Destroy(t.Context(), func() {}), login(w.host, s, "u"), s.Commit(t.Context(), false)))
	w.finds(w.token(s), "u:")
	w.must(login(w.host, beside, "u"))
	w.fails("a request beside it", beside.Commit(t.Context(), false), errEnded)

	// One that another has revoked is not spared because it revokes too.
	late := w.visit()
	time.Sleep(time.Second)
	for _, caller := range []*life.Session{nil, late} {
		_, err := w.host.RevokeAll(t.Context(), u, caller, store.ID{})
		w.must(err)
	}
	w.must(login(w.host, late, "u"))
	w.fails("a request of before", late.Commit(t.Context(), false), errEnded)
}

// It is spared its own not-before alone.
func TestTheRequestThatRevokesAllIsSparedNoOther(t *testing.T) { synctest.Test(t, testSparedOnce) }

func testSparedOnce(t *testing.T) {
	w := newWorld(t)
	u, v := w.host.Scope("u"), w.host.Scope("v")
	for _, by := range []string{u, v} { // what another one revokes next
		s := w.visit()
		time.Sleep(time.Second)
		_, err := w.host.RevokeAll(t.Context(), u, s, store.ID{})
		w.must(err)
		time.Sleep(time.Second)
		_, err = w.other.RevokeAll(t.Context(), by, nil, store.ID{})
		w.must(err)
		subject, _ := w.host.Unscope(by)
		w.must(login(w.host, s, subject))
		w.fails("a sign-in of "+subject, s.Commit(t.Context(), false), errEnded)
	}
}

// What cannot be found cannot be ended: then nothing is written.
func TestAStoreThatCannotListSaysSo(t *testing.T) {
	s := settings
	w := newWorld(t)
	s.Report = func(ctx context.Context, e life.Event) { t.Errorf("reported is %v", e) }
	h := life.NewHost(struct{ store.Store }{w.store}, s)
	_, err := h.RevokeAll(t.Context(), h.Scope("u"), nil, store.ID{})
	w.fails("RevokeAll", err, errors.ErrUnsupported)
	w.fails("BySubject", h.BySubject("list"), errors.ErrUnsupported)
	w.must(h.ByIDs("revoke"))
	w.is("writes", w.written(), 0)
}

// A sign-in of which nobody knows whether it is too late is no sign-in.
func TestASignInFailsIfTheNotBeforeCannotBeRead(t *testing.T) {
	w := newWorld(t)
	s := w.visit()
	w.must(login(w.host, s, "u"))
	w.store.load = func(store.ID) error { return errLost }
	w.fails("Commit", s.Commit(t.Context(), false), errLost)
	w.store.load = nil
	w.is("a token is due", s.Owes() && s.NeedsHeader(), true) // the sign-in is still pending
	w.is("reported is", w.told(), life.CommitFailed)
	w.fails("and in doubt", s.Commit(t.Context(), false), errLost)
	_, due := s.TakeToken()
	w.is("a token is sent", due, false)
}
