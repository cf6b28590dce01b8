package life_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/store"
)

// A sealer keeps what it has sealed, and gives out tokens as long as the data.
type sealer struct {
	mu     sync.Mutex
	sealed map[string]store.Record
	reseal bool
	fails  error
}

func (s *sealer) Seal(_ context.Context, scope string, rec store.Record) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return "", s.fails
	}
	token := fmt.Sprintf("%06d.%s", len(s.sealed), strings.Repeat("x", len(rec.Data)))
	s.sealed[scope+token] = rec
	return token, nil
}

func (s *sealer) Open(_ context.Context, scope, token string) (store.Record, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, ok := s.sealed[scope+token]
	switch {
	case s.fails != nil:
		return rec, false, s.fails
	case !ok:
		return rec, false, store.ErrNotFound
	}
	return rec, s.reseal, nil
}

// newSealedWorld is a world whose sessions are in their cookies; the store has the
// not-before alone.
func newSealedWorld(t *testing.T) (*world, *sealer) {
	w, s := newWorld(t), &sealer{sealed: map[string]store.Record{}}
	w.host = life.NewSealedHost(s, w.store, "id", w.settings())
	return w, s
}

func TestACommitSealsTheSession(t *testing.T) { synctest.Test(t, testSeals) }

func testSeals(t *testing.T) {
	w, sealer := newSealedWorld(t)
	w.is("sealed", w.host.Sealed(), true)
	first := w.stored("u", "a=x")
	w.finds(first, "u: a=x")
	s := w.visit(first)
	w.must(errors.Join(set(s, "b", "y"), count(s, "n"), s.Commit(t.Context(), false)))
	w.is("it shows", shows(s), "u: a=x b=y n=I")
	second := w.token(s)
	w.finds(second, "u: a=x b=y n=I")
	w.finds(first, "u: a=x") // nothing is merged, and an older one stays good
	w.is("the ID stays", w.visit(second).ID(), w.visit(first).ID())
	w.must(s.Commit(t.Context(), false))
	w.is("a token is due for nothing", s.Owes(), false)
	w.is("writes", w.written(), 0)
	if _, ok, err := s.Take(t.Context(), "b"); !ok || err != nil {
		t.Errorf("Take: %v, %v", ok, err)
	}
	w.must(s.Commit(t.Context(), false))
	w.finds(w.token(s), "u: a=x n=I")

	// Its use is written as late as one in a store, by a token.
	time.Sleep(touch)
	for name, test := range map[string]struct {
		visitor life.Visitor
		want    bool
	}{
		"a request":                {life.Visitor{}, true},
		"passive":                  {life.Visitor{Passive: true}, false},
		"one for another protocol": {life.Visitor{Upgrade: true}, false},
	} {
		s, err := w.load(w.host, &test.visitor, second)
		w.must(errors.Join(err, s.Commit(t.Context(), false)))
		token, due := s.TakeToken()
		w.is("the use of "+name, due, test.want)
		if due {
			w.is("it ends", expires(w.visit(token.Text)), time.Now().Add(idle).UTC())
		}
	}

	// A Sealer may ask for another token, as after a change of keys.
	sealer.reseal = true
	s, err := w.load(w.host, &life.Visitor{Passive: true}, w.stored("", "a=x"))
	w.must(errors.Join(err, s.Commit(t.Context(), false)))
	w.finds(w.token(s), ": a=x")
	w.must(s.Commit(t.Context(), false))
	w.is("it is due again", s.Owes(), false)
}

func TestASealedSessionNeedsTheHeaderForEverything(t *testing.T) {
	w, _ := newSealedWorld(t)
	token := w.stored("", "a=x")
	for name, try := range map[string]func(s *life.Session) error{
		"Set":     func(s *life.Session) error { return set(s, "b", "y") },
		"Delete":  func(s *life.Session) error { return remove(s, "a") },
		"Destroy": func(s *life.Session) error { return s.Destroy(t.Context(), func() {}) },
		"Ready":   func(s *life.Session) error { return s.Ready() },
	} {
		s := w.visit(token)
		s.CloseHeader()
		w.fails(name, try(s), life.ErrHeadersSent)
		w.must(s.Commit(t.Context(), false))
	}
	s := w.visit(token)
	w.must(set(s, "b", "y"))
	w.is("a change needs the header", s.NeedsHeader(), true)
	s.CloseHeader()
	w.fails("Commit", s.Commit(t.Context(), false), life.ErrHeadersSent)

	s = w.visit(token)
	w.must(s.Destroy(t.Context(), func() {}))
	w.is("reported is", w.told(), life.Destroyed)
	h := s.CloseHeader()
	w.is("Destroy clears the token", h.Due && h.Token.Text == "", true)
}

func TestWhatIsNoSealedTokenIsNoSession(t *testing.T) { synctest.Test(t, testOpen) }

func testOpen(t *testing.T) {
	w, sealer := newSealedWorld(t)
	good := w.stored("u", "a=x")
	var scope string
	var rec store.Record
	for at, r := range sealer.sealed {
		scope, rec = strings.TrimSuffix(at, good), r
	}
	w.is("its scope names cookie and realm", strings.Contains(scope, "id") && strings.HasSuffix(scope, "app"), true)
	with := func(token string, edit func(*store.Record)) string {
		r := rec
		edit(&r)
		sealer.sealed[scope+token] = r
		return token
	}
	long := strings.Repeat("x", life.MaxCookie-len("id"))
	for name, test := range map[string]struct{ token, want, told string }{
		"a good one":                 {good, "u: a=x", ""},
		"as long as a cookie may be": {with(long, func(*store.Record) {}), "u: a=x", ""},
		"longer":                     {with(long+"x", func(*store.Record) {}), ":", life.Malformed},
		"rubbish":                    {"rubbish", ":", life.Malformed},
		"over":                       {with("over", func(r *store.Record) { r.Expires = time.Now() }), ":", life.Unknown},
		"past its deadline":          {with("deadline", func(r *store.Record) { r.Deadline = time.Now() }), ":", life.Unknown},
		"of the future":              {with("future", func(r *store.Record) { r.Seen = time.Now().Add(2 * time.Minute) }), ":", life.Unknown},
		"of a clock a bit ahead":     {with("ahead", func(r *store.Record) { r.Seen = time.Now().Add(time.Minute) }), "u: a=x", ""},
		"of another realm":           {with("realm", func(r *store.Record) { r.Subject = "other:u" }), ":", life.Unknown},
		"garbage in it":              {with("garbage", func(r *store.Record) { r.Data = []byte("garbage") }), ":", life.Corrupt},
	} {
		w.tell()
		w.is(name+": it shows", shows(w.visit(test.token)), test.want)
		w.is(name+": reported is", w.told(), test.told)
	}
	sealer.fails = errLost
	_, err := w.load(w.host, &life.Visitor{}, good)
	w.fails("Load without an answer", err, errLost)
	w.is("reported is", w.told(), life.LoadFailed)
}

func TestASealThatFailsGivesTheOperationsBack(t *testing.T) { synctest.Test(t, testSealFails) }

func testSealFails(t *testing.T) {
	w, sealer := newSealedWorld(t)
	token := w.stored("", "a=x")
	s := w.visit(token)
	w.must(set(s, "b", "y"))
	sealer.fails = errLost
	w.fails("Save", s.Save(t.Context()), errLost)
	w.is("reported is", w.told(), life.CommitFailed)
	w.is("a token was sealed", s.Owes() && s.NeedsHeader(), true)
	if _, due := s.TakeToken(); due {
		t.Error("a token is due")
	}
	sealer.fails = nil
	w.must(s.Save(t.Context()))
	w.finds(w.token(s), ": a=x b=y")

	time.Sleep(touch)
	s = w.visit(token)
	sealer.fails = errLost
	w.must(s.Commit(t.Context(), false)) // a request that only reads does not fail for it
	w.is("reported is", w.told(), life.TouchFailed)
	sealer.fails = nil

	// What browsers would drop is an error.
	w.must(set(s, "c", strings.Repeat("x", life.MaxCookie)))
	w.fails("a large one", s.Save(t.Context()), errTooLarge)
	w.is("it shows", shows(s), ": a=x")
	w.is("a token is due", s.Owes(), false)
	room := life.MaxCookie - len("id")
	for n, fits := range map[int]bool{0: true, 1: false} {
		s := w.visit()
		w.must(set(s, "a", strings.Repeat("x", 1000)))
		w.must(s.Save(t.Context()))
		empty := len(w.token(s)) - 1000
		w.must(set(s, "a", strings.Repeat("x", room-empty+n)))
		err := s.Save(t.Context())
		token, due := s.TakeToken()
		w.is(fmt.Sprint(n, " over: fits"), err == nil && due, fits)
		if due && len(token.Text) > room {
			t.Errorf("the token has %d bytes, and %d fit", len(token.Text), room)
		}
	}
	expired := w.visit(token)
	w.must(set(expired, "b", "y"))
	time.Sleep(5 * time.Hour) // past the deadline
	w.fails("after the end", expired.Save(t.Context()), errEnded)
	w.fails("and then Set", set(expired, "b", "y"), errEnded)
}

func TestRevokeAllEndsSealedSessions(t *testing.T) { synctest.Test(t, testSealedRevoke) }

func testSealedRevoke(t *testing.T) {
	w, sealer := newSealedWorld(t)
	u := w.host.Scope("u")
	token, other, visitor := w.stored("u", "a=x"), w.stored("v", "b=y"), w.stored("", "c=z")
	s, before, caller := w.visit(token), w.visit(), w.visit(token)
	time.Sleep(time.Second)
	w.must(s.Reload(t.Context()))
	n, err := w.host.RevokeAll(t.Context(), u, caller, store.ID{})
	w.must(err)
	w.is("ended are", n, 0)
	w.is("reported is", w.told(), life.Revoked)
	w.finds(token, ":")
	w.is("reported is", w.told(), life.Unknown)
	w.finds(other, "v: b=y")
	w.finds(visitor, ": c=z")
	w.must(set(s, "b", "y"))
	w.fails("Reload under way", s.Reload(t.Context()), errEnded)
	w.fails("and the commit", s.Commit(t.Context(), false), errEnded)
	s.Discard()
	w.fails("Touch", w.visit(token).Touch(t.Context()), nil)

	w.must(errors.Join(set(before, "a", "x"), login(w.host, before, "u")))
	w.fails("a sign-in of a request of before", before.Commit(t.Context(), false), errEnded)
	w.must(errors.Join(login(w.host, caller, "u"), caller.Commit(t.Context(), false)))
	w.finds(w.token(caller), "u: a=x")
	w.must(errors.Join(login(w.host, s, "u")))
	w.fails("by one that has ended", s.Commit(t.Context(), false), errEnded)

	late := w.visit(other)
	time.Sleep(time.Second)
	_, err = w.host.RevokeAll(t.Context(), w.host.Scope("v"), nil, store.ID{})
	w.must(err)
	w.must(late.Sign(change.Reauthenticate, change.Signing{Subject: w.host.Scope("v")}))
	w.fails("a reauthentication", late.Commit(t.Context(), false), errEnded)

	now := w.stored("w", "a=x") // of the same millisecond
	_, err = w.host.RevokeAll(t.Context(), w.host.Scope("w"), nil, store.ID{})
	w.must(err)
	w.finds(now, ":")

	w.store.load = func(store.ID) error { return errLost }
	_, err = w.load(w.host, &life.Visitor{}, token)
	w.fails("Load without the not-before", err, errLost)
	w.fails("Reload", caller.Reload(t.Context()), errLost)
	w.store.load = nil
	time.Sleep(10 * time.Hour)
	w.fails("Reload after the end", caller.Reload(t.Context()), errEnded)

	for what, err := range map[string]error{
		"ByIDs": w.host.ByIDs("edit"), "BySubject": w.host.BySubject("list"),
		"ByID": w.host.ByID(t.Context(), "edit", store.ID{1}, new(life.Session)),
	} {
		w.fails(what, err, errors.ErrUnsupported)
	}
	alone := life.NewSealedHost(sealer, nil, "id", w.settings())
	_, err = alone.RevokeAll(t.Context(), u, nil, store.ID{})
	w.fails("RevokeAll without a not-before", err, errors.ErrUnsupported)
	in, err := w.load(alone, &life.Visitor{})
	w.must(errors.Join(err, login(alone, in, "u"), in.Commit(t.Context(), false)))
}

// A sign-in that fails for the store of the not-before is reported, as every commit that does.
func TestASealedSignInThatFailsIsReported(t *testing.T) {
	w, _ := newSealedWorld(t)
	s := w.visit()
	w.must(login(w.host, s, "u"))
	w.store.load = func(store.ID) error { return errLost }
	w.fails("commit", s.Commit(t.Context(), false), errLost)
	w.is("told", w.told(), life.CommitFailed)
}

// A sealed session that expires while its handler only reads is no failure.
func TestASealedSessionMayExpireWhileItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := newSealedWorld(t)
		s := w.visit()
		w.must(set(s, "a", "x"))
		w.must(s.Commit(t.Context(), false))
		token := w.token(s)
		w.tell()
		s = w.visit(token)
		time.Sleep(idle)
		w.must(s.Commit(t.Context(), false))
		w.is("told", w.told(), "")
	})
}
