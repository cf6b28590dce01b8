package concurrent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A change that the store may have made, or not, is not made once more: the request
// makes no changes after it, and no answer says that it was made.
func TestAChangeInDoubtEndsTheRequestsChanges(t *testing.T) {
	for _, applied := range []bool{true, false} {
		for _, stored := range []bool{true, false} {
			t.Run(fmt.Sprintf("applied=%v,stored=%v", applied, stored), func(t *testing.T) {
				f := probe.NewSilent(t, applied)
				site := probe.NewSite(t, f, session.Config{})
				site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					probe.Must(t, probe.Increment(s))
					if !r.URL.Query().Has("in-doubt") {
						return
					}
					f.Now.Store(true)
					err := s.Save(r.Context())
					f.Now.Store(false)
					if session.ErrorStatus(err) != http.StatusServiceUnavailable {
						t.Errorf("Save: %v, want an error of the store", err)
					}
					refusesAll(t, s, err)
				})
				site.Handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					n, _ := probe.Counter.Get(s)
					fmt.Fprint(w, n, s.Subject())
				})
				b := site.Browser()
				want := 0
				if stored {
					b.Want("/", 200, "")
					want++
				}
				set := b.Sets
				if w := b.Get("/?in-doubt"); w.Code != http.StatusServiceUnavailable || b.Sets != set {
					t.Errorf("status %d, and %d cookies; want 503 and none", w.Code, b.Sets-set)
				}
				if applied && stored {
					want++
				}
				b.Want("/show", 200, fmt.Sprint(want))
				if got := site.Saw(session.EventCommitFailed); got != 1 {
					t.Errorf("%d failed commits were reported, want 1", got)
				}
				b.Want("/", 200, "")
				b.Want("/show", 200, fmt.Sprint(want+1))
			})
		}
	}
}

// refusesAll tries all that changes a session, and all that would show what is stored.
func refusesAll(t *testing.T, s *session.Session, want error) {
	t.Helper()
	for name, try := range map[string]func() error{
		"Set":         func() error { return s.Set("a", "b") },
		"Delete":      func() error { return s.Delete("n") },
		"Clear":       s.Clear,
		"Update":      func() error { return probe.Increment(s) },
		"Key.Take":    func() error { _, _, err := probe.Counter.Take(t.Context(), s); return err },
		"Login":       func() error { return s.Login("u") },
		"Renew":       s.Renew,
		"SetLifetime": func() error { return s.SetLifetime(session.Lifetime{}) },
		"SetLabel":    func() error { return s.SetLabel("phone") },
		"Save":        func() error { return s.Save(t.Context()) },
	} {
		if err := try(); err != want {
			t.Errorf("%s: %v, want the error of the commit, %v", name, err, want)
		}
	}
}

// What the handler says of the error is the answer once it has dropped what it
// changed: then nothing is shown that is not stored.
func TestDiscardAnswersADoubt(t *testing.T) {
	for _, applied := range []bool{true, false} {
		f := probe.NewSilent(t, applied)
		site := probe.NewSite(t, f, session.Config{})
		site.Handle("/first", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { probe.Must(t, probe.Increment(s)) })
		site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Must(t, probe.Increment(s))
			f.Now.Store(true)
			err := s.Save(r.Context())
			f.Now.Store(false)
			if got := s.Reload(r.Context()); got != err {
				t.Errorf("Reload: %v, want %v: what is pending may be stored", got, err)
			}
			if got := s.Touch(r.Context()); got != err {
				t.Errorf("Touch: %v, want %v", got, err)
			}
			s.Discard()
			refusesAll(t, s, err)
			n, _ := probe.Counter.Get(s)
			fmt.Fprint(w, "try again: ", n)
		})
		b := site.Browser()
		b.Want("/first", 200, "")
		b.Want("/", 200, "try again: 1")
	}
}

// Where nothing was sent to be written, nothing is in doubt, and the changes stay.
func TestAStoreThatFailsBeforeTheWriteLeavesNoDoubt(t *testing.T) {
	d := newDoubter(t, session.Config{MaxSessions: 1, RefuseLogin: true})
	token := d.stored()
	s := d.Load(token)
	probe.Must(t, probe.Increment(s), s.Login("u"))
	d.f.OnLoad = func(context.Context, store.ID) (store.Record, error) { return store.Record{}, errors.New("down") }
	d.fails(s)
	d.well()
	probe.Must(t, probe.Increment(s))
	d.holds(d.Commit(s), 2, "b")
}

// TestAnUnconfirmedWriteIsNoSuccess: a store that has written, and cannot vouch
// for it, is not believed, however well the write can be read.
func TestAnUnconfirmedWriteIsNoSuccess(t *testing.T) {
	st := memstore.New()
	var vouches atomic.Bool
	f := &probe.Faulty{Store: st}
	done := func(err error) error {
		if err == nil && !vouches.Load() {
			err = probe.ErrNoReplica
		}
		return err
	}
	f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error { return done(st.Save(ctx, rec, old)) }
	f.OnCreate = func(ctx context.Context, rec store.Record) error { return done(st.Create(ctx, rec)) }
	site := probe.NewSite(t, f, session.Config{})
	site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, probe.Increment(s))
		if !r.URL.Query().Has("save") {
			return
		}
		err := s.Save(r.Context())
		if !errors.Is(err, store.ErrUnconfirmed) {
			t.Errorf("Save: %v, want ErrUnconfirmed", err)
		}
		vouches.Store(true)
		if again := s.Save(r.Context()); again != err {
			t.Errorf("Save of what may be stored: %v, want %v", again, err)
		}
		vouches.Store(false)
	})
	site.Handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		n, _ := probe.Counter.Get(s)
		fmt.Fprint(w, n)
	})
	b := site.Browser()
	for _, path := range []string{"/", "/?save"} {
		if w := b.Get(path); w.Code != http.StatusServiceUnavailable || b.Sets != 0 {
			t.Errorf("%s, which creates: %d and %d cookies, want 503 and none", path, w.Code, b.Sets)
		}
	}
	vouches.Store(true)
	b.Want("/", 200, "")
	vouches.Store(false)
	for _, path := range []string{"/", "/?save"} {
		if w := b.Get(path); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s, which saves: %d, want 503", path, w.Code)
		}
	}
	b.Want("/show", 200, "3")
}

// TestARevocationThatIsUnconfirmed: what is gone from a store that has not vouched
// for its removal is removed again by its ID, which the error tells.
func TestARevocationThatIsUnconfirmed(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	id, _ := probe.RawToken(t, c.Token())
	p.Tap.Put(func(_ context.Context, op string, do func() error) error {
		err := do()
		if op == "delete" && err == nil {
			err = probe.ErrNoReplica
		}
		return err
	})
	n, err := p.M.RevokeAll(t.Context(), "u")
	if n != 0 || !errors.Is(err, store.ErrUnconfirmed) || !strings.Contains(err.Error(), session.ID(id).String()) {
		t.Errorf("RevokeAll: %d, %v; want ErrUnconfirmed with the ID", n, err)
	}
	if err := p.M.Revoke(t.Context(), id); !errors.Is(err, store.ErrUnconfirmed) {
		t.Errorf("Revoke: %v, want ErrUnconfirmed for as long as it is", err)
	}
	p.Tap.Put(nil)
	p.Tap.Took()
	if err := p.M.Revoke(t.Context(), id); err != nil || !slices.Contains(p.Tap.Took(), "delete") {
		t.Errorf("Revoke: %v, and the store was not asked to vouch for it", err)
	}
}

// TestANotBeforeIsWritten: one that another machine has put at the same time
// may not last.
func TestANotBeforeIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = p.M.RevokeAll(t.Context(), "u") })
		synctest.Wait()
		p.Tap.Fail("save", probe.ErrNoReplica)
		if _, err := p.M.RevokeAll(t.Context(), "u"); !errors.Is(err, store.ErrUnconfirmed) {
			t.Errorf("RevokeAll: %v, want ErrUnconfirmed", err)
		}
		p.Tap.Put(nil)
		if _, err := p.M.RevokeAll(t.Context(), "u"); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

// What another goroutine sets while the store runs is seen, and goes the way of the
// commit that it came too late for.
func TestAChangeBesideADoubt(t *testing.T) {
	d := newDoubter(t, session.Config{})
	s := d.Load(d.stored())
	probe.Must(t, probe.Increment(s))
	d.f.OnSave = func(context.Context, store.Record, uint64) error {
		probe.Must(t, s.Set("a", "meanwhile"))
		return probe.ErrNoReplica
	}
	d.fails(s)
	if n, _ := probe.Counter.Get(s); n != 1 || s.Get("a") != "meanwhile" {
		t.Errorf("the handler sees %d and %v", n, s.Get("a"))
	}
	d.well()
	d.fails(s)
}

// A Take in doubt is a commit in doubt: what went with it is not made once more.
func TestATakeInDoubtEndsTheRequestsChanges(t *testing.T) {
	d := newDoubter(t, session.Config{})
	s := d.Load(nil)
	probe.Must(t, probe.Counter.Set(s, 5))
	token := d.Commit(s)
	s = d.Load(token)
	probe.Must(t, probe.Increment(s))
	d.unconfirmed() // it has landed: the 6 are taken
	_, _, err := probe.Counter.Take(t.Context(), s)
	d.well()
	if session.ErrorStatus(err) != http.StatusServiceUnavailable {
		t.Errorf("Take: %v, want an error of the store", err)
	}
	refusesAll(t, s, err)
	if n, ok := probe.Counter.Get(d.Load(token)); ok {
		t.Errorf("the update that the Take has used up is stored once more: %d", n)
	}
}

// A change of the token alone concerns nobody's changes.
func TestARotationInDoubtEndsNoChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoubter(t, session.Config{RotateEvery: time.Hour})
		token := d.stored()
		time.Sleep(50 * time.Minute)
		probe.Must(t, d.Load(token).Touch(t.Context()))
		time.Sleep(20 * time.Minute)
		s := d.Load(token)
		d.unconfirmed()
		if err := s.Save(t.Context()); err != nil {
			t.Errorf("Save, of nothing but a rotation: %v", err)
		}
		d.well()
		probe.Must(t, probe.Increment(s))
		d.Commit(s)
		d.holds(token, 1, "b")
	})
}

// TestDestroyEndsADoubt: what is set afterwards is another session's.
func TestDestroyEndsADoubt(t *testing.T) {
	d := newDoubter(t, session.Config{})
	s := d.Load(nil)
	probe.Must(t, s.Login("u"))
	d.unconfirmed()
	d.fails(s)
	d.well()
	probe.Must(t, s.Destroy(t.Context()), s.Set("a", "x"))
	s.Discard()
	probe.Must(t, s.Set("a", "y"))
	d.holds(d.Commit(s), 0, "y")
	if list, err := probe.Collect(d.M.List(t.Context(), "u")); err != nil || len(list) != 0 {
		t.Errorf("%d sessions, %v; want that the sign-in is gone", len(list), err)
	}
}

// TestAnAbandonedWriteArrives: the record changed before it did, so the commit
// went on with another version; then the store went back, and it could.
func TestAnAbandonedWriteArrives(t *testing.T) {
	d := newDoubter(t, session.Config{})
	token := d.stored()
	s := d.Load(token)
	probe.Must(t, probe.Increment(s))
	first, err := d.under.Load(t.Context(), s.ID())
	probe.Must(t, err)
	d.f.OnSave = func(ctx context.Context, late store.Record, old uint64) error {
		elsewhere := d.elsewhere.Load(token)
		probe.Must(t, elsewhere.Set("x", "y"), elsewhere.Save(ctx))
		d.f.OnSave = func(ctx context.Context, rec store.Record, _ uint64) error {
			d.well()
			probe.Must(t, d.under.Delete(ctx, rec.ID), d.under.Create(ctx, first), d.under.Save(ctx, late, old))
			return errors.New("timeout")
		}
		return errors.New("timeout")
	}
	d.Commit(s)
	d.holds(token, 1, "b")
}
