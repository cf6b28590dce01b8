package session_test

import (
	"bytes"
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
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

var errNoReplica = fmt.Errorf("%w: no replica", store.ErrUnconfirmed)

// TestAChangeInDoubtIsNotRepeated: the store applies a save, but neither says
// so nor can be asked; the handler goes on, and the next commit finds out.
func TestAChangeInDoubtIsNotRepeated(t *testing.T) {
	down := errors.New("connection refused")
	for _, applied := range []bool{true, false} {
		t.Run(fmt.Sprintf("applied=%v", applied), func(t *testing.T) {
			st := memstore.New()
			var fail atomic.Bool
			f := &faultyStore{Store: st}
			f.save = func(ctx context.Context, rec store.Record, old uint64) error {
				if !fail.Load() {
					return st.Save(ctx, rec, old)
				}
				if applied {
					if err := st.Save(ctx, rec, old); err != nil {
						t.Error(err)
					}
				}
				return down
			}
			f.create = func(ctx context.Context, rec store.Record) error {
				if !fail.Load() {
					return st.Create(ctx, rec)
				}
				if applied {
					if err := st.Create(ctx, rec); err != nil {
						t.Error(err)
					}
				}
				return down
			}
			f.load = func(ctx context.Context, id store.ID) (store.Record, error) {
				if fail.Load() {
					return store.Record{}, down
				}
				return st.Load(ctx, id)
			}
			site := newSite(t, f, session.Config{})
			site.handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if err := increment(s); err != nil {
					t.Error(err)
				}
				if r.URL.Query().Has("login") {
					if err := s.Login("u"); err != nil {
						t.Error(err)
					}
				}
				fail.Store(true)
				if err := s.Save(r.Context()); !errors.Is(err, down) {
					t.Errorf("Save: %v, want the store's error", err)
				}
				fail.Store(false)
				if err := increment(s); err != nil {
					t.Error(err)
				}
			})
			site.handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				n, _ := counter.Get(s)
				fmt.Fprint(w, n, s.Subject())
			})
			b := site.browser()
			b.want("/", 200, "")
			b.want("/show", 200, "2")
			b.want("/", 200, "")
			b.want("/show", 200, "4")
			b.want("/?login", 200, "")
			b.want("/show", 200, "6u")
			if b.set != 2 {
				t.Errorf("%d cookies were set, want 2", b.set)
			}
			if got := site.saw(session.EventCommitFailed); got != 3 {
				t.Errorf("%d failed commits were reported, want 3", got)
			}
		})
	}
}

// TestAnUnconfirmedWriteIsNoSuccess: a store that has written, and cannot vouch
// for it, is believed only once it vouches for a write that follows, however
// well the first one can be read.
func TestAnUnconfirmedWriteIsNoSuccess(t *testing.T) {
	st := memstore.New()
	var vouches atomic.Bool
	writes := 0
	f := &faultyStore{Store: st}
	done := func(err error) error {
		if writes++; err == nil && !vouches.Load() {
			err = errNoReplica
		}
		return err
	}
	f.save = func(ctx context.Context, rec store.Record, old uint64) error { return done(st.Save(ctx, rec, old)) }
	f.create = func(ctx context.Context, rec store.Record) error { return done(st.Create(ctx, rec)) }
	site := newSite(t, f, session.Config{})
	site.handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := increment(s); err != nil {
			t.Error(err)
		}
		if !r.URL.Query().Has("save") {
			return
		}
		vouches.Store(false)
		if err := s.Save(r.Context()); !errors.Is(err, store.ErrUnconfirmed) {
			t.Errorf("Save: %v, want ErrUnconfirmed", err)
		}
		vouches.Store(r.URL.Query().Get("save") == "vouches")
	})
	site.handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		n, _ := counter.Get(s)
		fmt.Fprint(w, n)
	})
	b := site.browser()
	for _, path := range []string{"/", "/?save"} {
		if w := b.get(path); w.Code != http.StatusServiceUnavailable || b.set != 0 {
			t.Errorf("%s, which creates: %d and %d cookies, want 503 and none", path, w.Code, b.set)
		}
	}
	b.want("/?save=vouches", 200, "")
	b.want("/show", 200, "1")
	vouches.Store(false)
	for _, path := range []string{"/", "/?save"} {
		if w := b.get(path); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s, which saves: %d, want 503", path, w.Code)
		}
	}
	b.want("/show", 200, "3")
	writes = 0
	b.want("/?save=vouches", 200, "")
	if writes != 2 {
		t.Errorf("%d writes, want another one to vouch for the first", writes)
	}
	b.want("/show", 200, "4")
}

// A doubtfulStore does with each write what its fault says. What it has vouched
// for survives a failover.
type doubtfulStore struct {
	faultyStore
	fault byte
	id    store.ID
	safe  *store.Record
	late  []func(context.Context) error
	other *session.Manager // of another machine
}

// The faults of a doubtfulStore. The last four are reported as
// store.ErrUnconfirmed.
const (
	faultNone     = '+'
	faultOther    = 'o' // another machine changes the session first
	faultAnswer   = 'a' // it writes, and the answer is lost
	faultRequest  = 'r' // the request is lost
	faultReplicas = 'w' // it writes
	faultLate     = 'l' // it will write, before the next one that does at once
	faultFailover = 'f' // it writes, and goes back to what is safe
	faultDown     = 'd' // it does nothing, and cannot be read either

	allFaults = "+oarwlfd"
)

func newDoubtfulStore(t *testing.T) *doubtfulStore {
	st := memstore.New()
	f := &doubtfulStore{faultyStore: faultyStore{Store: st}, fault: faultNone, other: newSite(t, st, session.Config{}).m}
	f.create = func(ctx context.Context, rec store.Record) error {
		return f.put(ctx, rec, func(ctx context.Context) error { return st.Create(ctx, rec) })
	}
	f.save = func(ctx context.Context, rec store.Record, old uint64) error {
		return f.put(ctx, rec, func(ctx context.Context) error { return st.Save(ctx, rec, old) })
	}
	f.load = func(ctx context.Context, id store.ID) (store.Record, error) {
		if f.fault == faultDown {
			return store.Record{}, errors.New("connection refused")
		}
		return st.Load(ctx, id)
	}
	return f
}

func (f *doubtfulStore) put(ctx context.Context, rec store.Record, write func(context.Context) error) error {
	f.id = rec.ID
	switch f.fault {
	case faultLate:
		f.late = append(f.late, write)
		return errNoReplica
	case faultDown:
		return errNoReplica
	case faultRequest:
		return errors.New("no route to host")
	}
	for _, late := range f.late {
		_ = late(ctx) // refused where another one came first
	}
	f.late = nil
	if f.fault == faultOther {
		f.fault = faultNone
		err := f.other.Edit(ctx, rec.ID, func(s *session.Session) error { return s.Set("other", "changed") })
		if err != nil && !errors.Is(err, session.ErrEnded) { // not there yet
			return err
		}
	}
	if err := write(ctx); err != nil {
		return err
	}
	switch f.fault {
	case faultReplicas:
		return errNoReplica
	case faultFailover:
		if err := f.Store.Delete(ctx, rec.ID); err != nil || f.safe == nil {
			return errors.Join(err, errNoReplica)
		}
		return errors.Join(f.Store.Create(ctx, *f.safe), errNoReplica)
	}
	f.safe = &rec
	if f.fault == faultAnswer {
		return errors.New("connection reset")
	}
	return nil
}

// isSafe tells whether all that can be read was vouched for.
func (f *doubtfulStore) isSafe() bool {
	rec, err := f.Store.Load(context.Background(), f.id)
	return err == nil && f.safe != nil && rec.Version == f.safe.Version
}

// TestSavesInDoubt: a handler saves over and over, whatever goes wrong, in every
// order. Success, of a Save or of the response, means that each change is in the
// store once, and that the store has vouched for it.
func TestSavesInDoubt(t *testing.T) {
	var orders []string
	for _, a := range allFaults {
		for _, b := range allFaults {
			for _, c := range allFaults {
				for _, d := range "+aw" {
					orders = append(orders, string([]rune{a, b, c, d}))
				}
			}
		}
	}
	for _, stored := range []bool{false, true} {
		for _, signsIn := range []bool{false, true} {
			for _, once := range []bool{false, true} { // all changes come before the first Save
				t.Run(fmt.Sprintf("stored=%v,signsIn=%v,once=%v", stored, signsIn, once), func(t *testing.T) {
					for _, order := range orders {
						testSavesInDoubt(t, order, stored, signsIn, once)
					}
				})
			}
		}
	}
}

func testSavesInDoubt(t *testing.T, order string, stored, signsIn, once bool) {
	st := newDoubtfulStore(t)
	site := newSite(t, st, session.Config{})
	want, confirmed := 0, false
	site.handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		for i := range order {
			st.fault = order[i]
			if i == 0 || !once {
				want++
				if err := increment(s); err != nil {
					t.Errorf("%s, %d: %v", order, i, err)
				}
			}
			if signsIn && (i == 0 || !once && i == 2) {
				if err := s.Login("u"); err != nil {
					t.Errorf("%s, %d: %v", order, i, err)
				}
			}
			if i == len(order)-1 {
				return // what is left is for the end of the handler
			}
			err := s.Save(r.Context())
			switch {
			case err == nil && !st.isSafe():
				t.Errorf("%s, %d: Save succeeds, and the store has not vouched for it", order, i)
			case err != nil && st.fault == faultNone:
				t.Errorf("%s, %d: Save to a store that is well again: %v", order, i, err)
			}
			confirmed = confirmed || err == nil
			if got, _ := counter.Get(s); got != want {
				t.Errorf("%s, %d: the handler sees %d, want %d", order, i, got, want)
			}
			if err := s.Touch(r.Context()); errors.Is(err, session.ErrEnded) {
				t.Errorf("%s, %d: Touch: %v", order, i, err)
			}
		}
	})
	site.handle("/first", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Set("a", "b") })
	site.handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		n, _ := counter.Get(s)
		fmt.Fprint(w, n, s.Subject())
	})
	b := site.browser()
	if stored {
		b.want("/first", 200, "")
	}
	set := b.set
	w := b.get("/")
	switch {
	case w.Code == http.StatusServiceUnavailable && st.fault != faultNone:
		if !confirmed && b.set != set {
			t.Errorf("%s: 503 and a cookie", order)
		}
		return
	case w.Code != http.StatusOK:
		t.Errorf("%s: %d", order, w.Code)
		return
	case !st.isSafe():
		t.Errorf("%s: 200, and the store has not vouched for it", order)
	}
	st.fault = faultNone
	shown := fmt.Sprint(want)
	if signsIn {
		shown += "u"
	}
	if got := b.get("/show").Body.String(); got != shown {
		t.Errorf("%s: the session holds %s, want %s", order, got, shown)
	}
	if got := site.saw(session.EventCreated); got != 1 {
		t.Errorf("%s: %d sessions were created, want 1", order, got)
	}
}

// TestARevocationThatIsUnconfirmed: what is gone from a store that has not vouched
// for its removal is removed again by its ID, which the error tells.
func TestARevocationThatIsUnconfirmed(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	id, _ := rawToken(t, c.token())
	p.tap.put(func(_ context.Context, op string, do func() error) error {
		err := do()
		if op == "delete" && err == nil {
			err = errNoReplica
		}
		return err
	})
	n, err := p.m.RevokeAll(t.Context(), "u")
	if n != 0 || !errors.Is(err, store.ErrUnconfirmed) || !strings.Contains(err.Error(), session.ID(id).String()) {
		t.Errorf("RevokeAll: %d, %v; want ErrUnconfirmed with the ID", n, err)
	}
	if err := p.m.Revoke(t.Context(), id); !errors.Is(err, store.ErrUnconfirmed) {
		t.Errorf("Revoke: %v, want ErrUnconfirmed for as long as it is", err)
	}
	p.tap.put(nil)
	p.tap.took()
	if err := p.m.Revoke(t.Context(), id); err != nil || !slices.Contains(p.tap.took(), "delete") {
		t.Errorf("Revoke: %v, and the store was not asked to vouch for it", err)
	}
}

// TestANotBeforeIsWritten: one that another machine has put at the same time
// may not last.
func TestANotBeforeIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = p.m.RevokeAll(t.Context(), "u") })
		synctest.Wait()
		p.tap.fail("save", errNoReplica)
		if _, err := p.m.RevokeAll(t.Context(), "u"); !errors.Is(err, store.ErrUnconfirmed) {
			t.Errorf("RevokeAll: %v, want ErrUnconfirmed", err)
		}
		p.tap.put(nil)
		if _, err := p.m.RevokeAll(t.Context(), "u"); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

// A doubter is an application of which a test says what becomes of its writes.
type doubter struct {
	direct
	f         *faultyStore
	under     store.Store
	elsewhere direct // on another machine, whose store is well
}

func newDoubter(t *testing.T, cfg session.Config) *doubter {
	st := memstore.New()
	f := &faultyStore{Store: st}
	return &doubter{newDirect(t, f, cfg), f, st, newDirect(t, st, cfg)}
}

// unconfirmed has sessions written, and not vouched for; well has them written.
func (d *doubter) unconfirmed() {
	vouch := func(rec store.Record, err error) error {
		if err == nil && !bytes.Contains(rec.Data, []byte("quota")) {
			err = errNoReplica
		}
		return err
	}
	d.f.create = func(ctx context.Context, rec store.Record) error { return vouch(rec, d.under.Create(ctx, rec)) }
	d.f.save = func(ctx context.Context, rec store.Record, old uint64) error {
		return vouch(rec, d.under.Save(ctx, rec, old))
	}
}

func (d *doubter) well() { d.f.create, d.f.save, d.f.load, d.f.del = nil, nil, nil, nil }

// stored returns the token of a session that has the value b of a.
func (d *doubter) stored() *http.Cookie {
	d.t.Helper()
	return d.with("a", "b")
}

// fails saves, in vain.
func (d *doubter) fails(s *session.Session) {
	d.t.Helper()
	if err := s.Save(d.t.Context()); session.ErrorStatus(err) != http.StatusServiceUnavailable {
		d.t.Errorf("Save: %v, want an error of the store", err)
	}
}

// holds checks the counter and the value of a.
func (d *doubter) holds(token *http.Cookie, n int, a any) {
	d.t.Helper()
	s := d.load(token)
	if got, _ := counter.Get(s); got != n || s.Get("a") != a {
		d.t.Errorf("the session holds n=%d and a=%v, want %d and %v", got, s.Get("a"), n, a)
	}
}

// TestADoubtOutlivesTheLineage: after a minute a record may have lost what tells
// that a write is in it. Where it has not changed, it has lost nothing.
func TestADoubtOutlivesTheLineage(t *testing.T) {
	for _, landed := range []bool{true, false} {
		t.Run(fmt.Sprintf("landed=%v", landed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDoubter(t, session.Config{})
				token := d.stored()
				change := func() {
					s := d.elsewhere.load(token)
					must(t, s.Set("elsewhere", time.Now().String()))
					must(t, s.Save(t.Context()))
				}
				time.Sleep(time.Minute)
				change()
				s := d.load(token)
				must(t, increment(s))
				d.unconfirmed()
				if !landed {
					d.f.save = func(context.Context, store.Record, uint64) error { return errNoReplica }
				}
				d.fails(s)
				d.well()
				time.Sleep(time.Minute)
				if landed {
					change()
					d.fails(s)
				} else {
					d.commit(s)
				}
				d.holds(token, 1, "b")
			})
		})
	}
}

// TestADoubtfulCreationIsAdmittedOnce: it is one session, however often it is
// tried.
func TestADoubtfulCreationIsAdmittedOnce(t *testing.T) {
	d := newDoubter(t, session.Config{AdmitAnonymous: session.LimitRate(1, time.Hour)})
	s := d.load(nil)
	must(t, s.Set("a", "b"))
	d.unconfirmed()
	d.fails(s)
	d.fails(s)
	d.well()
	d.holds(d.commit(s), 0, "b")
}

// TestADoubtfulCreationIsLost: the next commit finds the record, and it is gone
// when that writes.
func TestADoubtfulCreationIsLost(t *testing.T) {
	d := newDoubter(t, session.Config{})
	s := d.load(nil)
	must(t, s.Set("a", "b"))
	d.unconfirmed()
	d.fails(s)
	d.f.create = nil
	d.f.save = func(ctx context.Context, rec store.Record, old uint64) error {
		d.well()
		return errors.Join(d.under.Delete(ctx, rec.ID), d.under.Save(ctx, rec, old))
	}
	must(t, s.Login("u"))
	d.holds(d.commit(s), 0, "b")
}

// TestADoubtfulSignInIsOne: a sign-in whose session had ended gets one of its own,
// however often it has to be tried, and with one place for it too.
func TestADoubtfulSignInIsOne(t *testing.T) {
	for _, cfg := range []session.Config{{}, {MaxSessions: 1}, {MaxSessions: 1, RefuseLogin: true}} {
		for _, discards := range []bool{false, true} {
			d := newDoubter(t, cfg)
			token := d.stored()
			s := d.load(token)
			must(t, d.under.Delete(t.Context(), s.ID()), s.Login("u"), increment(s))
			d.unconfirmed()
			for range 3 {
				d.fails(s)
			}
			d.well()
			if discards {
				s.Discard()
				if err := s.Set("a", "c"); !errors.Is(err, session.ErrEnded) {
					t.Errorf("Set after the sign-in was discarded: %v, want ErrEnded", err)
				}
				continue
			}
			d.holds(d.commit(s), 1, nil)
			if list, err := collect(d.m.List(t.Context(), "u")); err != nil || len(list) != 1 {
				t.Errorf("%d sessions, %v; want 1", len(list), err)
			}
		}
	}
}

// TestADoubtfulSignInKeepsWhatIsSetMeanwhile: by another goroutine, while the
// store runs.
func TestADoubtfulSignInKeepsWhatIsSetMeanwhile(t *testing.T) {
	d := newDoubter(t, session.Config{})
	token := d.stored()
	s := d.load(token)
	must(t, d.under.Delete(t.Context(), s.ID()), s.Login("u"), increment(s))
	d.f.create = func(context.Context, store.Record) error {
		must(t, s.Set("a", "meanwhile"))
		return errNoReplica
	}
	d.fails(s)
	if got := s.Get("a"); got != "meanwhile" {
		t.Errorf("the handler sees %v", got)
	}
	d.well()
	d.holds(d.commit(s), 1, "meanwhile")
}

// TestADoubtfulChangeFollowsASignIn: the token was killed elsewhere, so the sign-in
// gets a session of its own, with what the request has set.
func TestADoubtfulChangeFollowsASignIn(t *testing.T) {
	d := newDoubter(t, session.Config{})
	token := d.stored()
	s, elsewhere := d.load(token), d.elsewhere.load(token)
	must(t, increment(s))
	d.unconfirmed()
	d.fails(s)
	d.well()
	must(t, elsewhere.Renew(), elsewhere.Save(t.Context()), s.Login("u"))
	d.holds(d.commit(s), 1, nil)
}

// TestDestroyEndsADoubtfulSignIn: what is set afterwards is another session's.
func TestDestroyEndsADoubtfulSignIn(t *testing.T) {
	d := newDoubter(t, session.Config{})
	token := d.stored()
	s := d.load(token)
	must(t, d.under.Delete(t.Context(), s.ID()), s.Login("u"))
	d.unconfirmed()
	d.fails(s)
	d.well()
	must(t, s.Destroy(t.Context()), s.Set("a", "x"))
	s.Discard()
	must(t, s.Set("a", "y"))
	d.holds(d.commit(s), 0, "y")
	if list, err := collect(d.m.List(t.Context(), "u")); err != nil || len(list) != 0 {
		t.Errorf("%d sessions, %v; want that the sign-in is gone", len(list), err)
	}
}

// TestASignInWhoseRevocationsCannotBeReadTakesNoPlace: of a new session nobody has
// anything to lose.
func TestASignInWhoseRevocationsCannotBeReadTakesNoPlace(t *testing.T) {
	d := newDoubter(t, session.Config{MaxSessions: 1, RefuseLogin: true})
	s := d.load(nil)
	must(t, s.Login("u"))
	d.f.create = func(ctx context.Context, rec store.Record) error {
		if rec.Subject != "" {
			d.f.load = func(ctx context.Context, id store.ID) (store.Record, error) {
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
	another := d.load(nil)
	must(t, another.Login("u"))
	d.commit(another)
}

// TestASignInWhoseRevocationsCannotBeRead: it was written by then.
func TestASignInWhoseRevocationsCannotBeRead(t *testing.T) {
	for _, again := range []bool{true, false} { // in the same request, or in another
		d := newDoubter(t, session.Config{})
		token := d.stored()
		s := d.load(token)
		must(t, increment(s), s.Login("u"))
		down := errors.New("down")
		d.f.save = func(ctx context.Context, rec store.Record, old uint64) error {
			d.f.load = func(context.Context, store.ID) (store.Record, error) { return store.Record{}, down }
			d.f.del = func(context.Context, store.ID) error { return down }
			return d.under.Save(ctx, rec, old)
		}
		d.fails(s)
		d.well()
		if !again {
			s = d.load(token)
			must(t, s.Login("u"))
		}
		d.holds(d.commit(s), 1, "b")
	}
}

// TestADoubtfulCreationIsTakenBack: what it set is deleted again, or dropped.
func TestADoubtfulCreationIsTakenBack(t *testing.T) {
	for name, takeBack := range map[string]func(*session.Session){
		"Delete":  func(s *session.Session) { s.Delete("a") },
		"Discard": (*session.Session).Discard,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoubter(t, session.Config{})
			s := d.load(nil)
			must(t, s.Set("a", "b"))
			d.unconfirmed()
			d.fails(s)
			d.well()
			takeBack(s)
			token := d.commit(s)
			must(t, increment(s))
			if next := d.commit(s); next != nil {
				token = next
			}
			d.holds(token, 1, nil)
		})
	}
}

// TestDiscardEndsADoubt: one that nobody can resolve any more too.
func TestDiscardEndsADoubt(t *testing.T) {
	d := newDoubter(t, session.Config{})
	token := d.stored()
	s := d.load(token)
	must(t, s.Set("a", "c"))
	d.unconfirmed()
	d.fails(s)
	d.well()
	other := d.load(token)
	must(t, other.Set("x", "y"))
	d.commit(other)
	d.fails(s)
	s.Discard()
	must(t, increment(s))
	d.commit(s)
	d.holds(token, 1, "c")
}

// TestAnAbandonedWriteArrives: the record changed before it did, so the commit
// went on with another version; then the store went back, and it could.
func TestAnAbandonedWriteArrives(t *testing.T) {
	d := newDoubter(t, session.Config{})
	token := d.stored()
	s := d.load(token)
	must(t, increment(s))
	first, err := d.under.Load(t.Context(), s.ID())
	must(t, err)
	d.f.save = func(ctx context.Context, late store.Record, old uint64) error {
		elsewhere := d.elsewhere.load(token)
		must(t, elsewhere.Set("x", "y"), elsewhere.Save(ctx))
		d.f.save = func(ctx context.Context, rec store.Record, _ uint64) error {
			d.well()
			must(t, d.under.Delete(ctx, rec.ID), d.under.Create(ctx, first), d.under.Save(ctx, late, old))
			return errNoReplica
		}
		return errors.New("timeout")
	}
	d.fails(s)
	d.commit(s)
	d.holds(token, 1, "b")
}
