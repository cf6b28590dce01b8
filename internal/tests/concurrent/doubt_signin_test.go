package concurrent

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A doubter is an application of which a test says what becomes of its writes.
type doubter struct {
	probe.Direct
	f         *probe.Faulty
	under     store.Store
	elsewhere probe.Direct // on another machine, whose store is well
}

func newDoubter(t *testing.T, cfg session.Config) *doubter {
	st := memstore.New()
	f := &probe.Faulty{Store: st}
	return &doubter{probe.NewDirect(t, f, cfg), f, st, probe.NewDirect(t, st, cfg)}
}

// unconfirmed has sessions written, and not vouched for; well has them written.
func (d *doubter) unconfirmed() {
	vouch := func(rec store.Record, err error) error {
		if err == nil && !bytes.Contains(rec.Data, []byte("quota")) {
			err = probe.ErrNoReplica
		}
		return err
	}
	d.f.OnCreate = func(ctx context.Context, rec store.Record) error { return vouch(rec, d.under.Create(ctx, rec)) }
	d.f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
		return vouch(rec, d.under.Save(ctx, rec, old))
	}
}

func (d *doubter) well() { d.f.OnCreate, d.f.OnSave, d.f.OnLoad, d.f.OnDelete = nil, nil, nil, nil }

// stored returns the token of a session that has the value b of a.
func (d *doubter) stored() *http.Cookie {
	d.T.Helper()
	return d.With("a", "b")
}

// fails saves, in vain.
func (d *doubter) fails(s *session.Session) {
	d.T.Helper()
	if err := s.Save(d.T.Context()); session.ErrorStatus(err) != http.StatusServiceUnavailable {
		d.T.Errorf("Save: %v, want an error of the store", err)
	}
}

// holds checks the counter and the value of a.
func (d *doubter) holds(token *http.Cookie, n int, a any) {
	d.T.Helper()
	s := d.Load(token)
	if got, _ := probe.Counter.Get(s); got != n || s.Get("a") != a {
		d.T.Errorf("the session holds n=%d and a=%v, want %d and %v", got, s.Get("a"), n, a)
	}
}

// A sign-in whose session had ended gets one of its own. In doubt, it is neither
// tried again nor taken for the session of before.
func TestASignInInDoubtAfterAnEnd(t *testing.T) {
	for _, cfg := range []session.Config{{}, {MaxSessions: 1}, {MaxSessions: 1, RefuseLogin: true}} {
		d := newDoubter(t, cfg)
		s := d.Load(d.stored())
		probe.Must(t, d.under.Delete(t.Context(), s.ID()), s.Login("u"), probe.Increment(s))
		d.unconfirmed()
		d.fails(s)
		d.well()
		d.fails(s)
		s.Discard()
		if err := s.Set("a", "c"); session.ErrorStatus(err) != http.StatusServiceUnavailable {
			t.Errorf("Set: %v, want the error of the store", err)
		}
		if token := d.Commit(s); token != nil {
			t.Errorf("it has a cookie: %v", token)
		}
	}
}

// Nor is it where the request came with a token that was killed, and so began with a
// session that has ended.
func TestASignInInDoubtWithAKilledToken(t *testing.T) {
	d := newDoubter(t, session.Config{})
	token := d.stored()
	other := d.Load(token)
	probe.Must(t, other.Renew())
	d.Commit(other)
	s := d.Load(token)
	probe.Must(t, s.Login("u"))
	d.unconfirmed()
	d.fails(s)
	d.well()
	s.Discard()
	if err := s.Login("u"); session.ErrorStatus(err) != http.StatusServiceUnavailable {
		t.Errorf("Login: %v, want the error of the store", err)
	}
}

// Destroy removes whatever a sign-in in doubt may have left, also where that was to be
// another session than the request came with.
func TestDestroyEndsASignInInDoubtAfterAnEnd(t *testing.T) {
	for _, loses := range []bool{false, true} { // what the commit itself removes
		d := newDoubter(t, session.Config{})
		s := d.Load(d.stored())
		probe.Must(t, d.under.Delete(t.Context(), s.ID()), s.Login("u"))
		d.unconfirmed()
		if loses {
			d.f.OnDelete = func(context.Context, store.ID) error { return errors.New("down") }
		}
		d.fails(s)
		d.well()
		if list, err := probe.Collect(d.M.List(t.Context(), "u")); err != nil || (len(list) != 0) != loses {
			t.Errorf("%d sessions, %v: nobody has their token", len(list), err)
		}
		probe.Must(t, s.Destroy(t.Context()))
		if list, err := probe.Collect(d.M.List(t.Context(), "u")); err != nil || len(list) != 0 {
			t.Errorf("after Destroy %d sessions, %v", len(list), err)
		}
	}
}

// A sign-in in doubt takes no place that the next one needs.
func TestASignInInDoubtTakesNoPlace(t *testing.T) {
	d := newDoubter(t, session.Config{MaxSessions: 1, RefuseLogin: true})
	s := d.Load(nil)
	probe.Must(t, s.Login("u"))
	d.unconfirmed()
	d.fails(s)
	d.well()
	next := d.Load(nil)
	probe.Must(t, next.Login("u"))
	d.Commit(next)
}

// Discard leads out of no doubt: the next sign-in could be the second one.
func TestDiscardAfterALoginOfAnotherLeavesTheDoubt(t *testing.T) {
	d := newDoubter(t, session.Config{})
	s := d.Load(nil)
	probe.Must(t, s.Login("alice"))
	s = d.Load(d.Commit(s))
	probe.Must(t, s.Login("bob"))
	d.unconfirmed()
	d.fails(s)
	d.well()
	s.Discard()
	if err := s.Login("bob"); session.ErrorStatus(err) != http.StatusServiceUnavailable {
		t.Errorf("Login after Discard: %v, want the error of the store", err)
	}
}

// TestASignInWhoseRevocationsCannotBeReadTakesNoPlace: of a new session nobody has
// anything to lose.
func TestASignInWhoseRevocationsCannotBeReadTakesNoPlace(t *testing.T) {
	d := newDoubter(t, session.Config{MaxSessions: 1, RefuseLogin: true})
	s := d.Load(nil)
	probe.Must(t, s.Login("u"))
	d.f.OnCreate = func(ctx context.Context, rec store.Record) error {
		if rec.Subject != "" {
			d.f.OnLoad = func(ctx context.Context, id store.ID) (store.Record, error) {
				rec, err := d.under.Load(ctx, id)
				if err != nil { // the place is found, and given back
					err = errors.New("down")
				}
				return rec, err
			}
		}
		return d.under.Create(ctx, rec)
	}
	d.fails(s)
	d.well()
	another := d.Load(nil)
	probe.Must(t, another.Login("u"))
	d.Commit(another)
}

// TestASignInWhoseRevocationsCannotBeRead: it was written by then, so it is in doubt,
// and another request can sign in.
func TestASignInWhoseRevocationsCannotBeRead(t *testing.T) {
	d := newDoubter(t, session.Config{})
	token := d.stored()
	s := d.Load(token)
	probe.Must(t, probe.Increment(s), s.Login("u"))
	down := errors.New("down")
	d.f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
		d.f.OnLoad = func(context.Context, store.ID) (store.Record, error) { return store.Record{}, down }
		d.f.OnDelete = func(context.Context, store.ID) error { return down }
		return d.under.Save(ctx, rec, old)
	}
	d.fails(s)
	d.well()
	d.fails(s)
	another := d.Load(token)
	probe.Must(t, another.Login("u"))
	d.holds(d.Commit(another), 1, "b")
}

// A sign-in of which nobody knows whether it was stored ends with a sign-out.
func TestADoubtfulSignInEndsWithASignOut(t *testing.T) {
	for _, visitor := range []bool{false, true} {
		d := newDoubter(t, session.Config{})
		s := d.Load(nil)
		if visitor {
			s = d.Load(d.stored())
		}
		probe.Must(t, s.Login("alice"))
		d.unconfirmed()
		d.fails(s)
		d.well()
		probe.Must(t, s.Destroy(t.Context()))
		d.Commit(s)
		if list, err := probe.Collect(d.M.List(t.Context(), "alice")); err != nil || len(list) != 0 {
			t.Errorf("visitor %v: alice has %d sessions, %v; want none", visitor, len(list), err)
		}
	}
}
