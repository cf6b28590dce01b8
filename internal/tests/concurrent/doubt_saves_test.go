package concurrent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A doubtfulStore does with each write what its fault says. What it has vouched
// for survives a failover.
type doubtfulStore struct {
	probe.Faulty
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
	f := &doubtfulStore{Faulty: probe.Faulty{Store: st}, fault: faultNone, other: probe.NewSite(t, st, session.Config{}).M}
	f.OnCreate = func(ctx context.Context, rec store.Record) error {
		return f.put(ctx, rec, func(ctx context.Context) error { return st.Create(ctx, rec) })
	}
	f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
		return f.put(ctx, rec, func(ctx context.Context) error { return st.Save(ctx, rec, old) })
	}
	f.OnLoad = func(ctx context.Context, id store.ID) (store.Record, error) {
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
		return probe.ErrNoReplica
	case faultDown:
		return probe.ErrNoReplica
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
		return probe.ErrNoReplica
	case faultFailover:
		if err := f.Store.Delete(ctx, rec.ID); err != nil || f.safe == nil {
			return errors.Join(err, probe.ErrNoReplica)
		}
		return errors.Join(f.Store.Create(ctx, *f.safe), probe.ErrNoReplica)
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

// TestSavesWhateverGoesWrong: a handler saves over and over, whatever goes wrong, in
// every order. Success, of a Save or of the response, means that each change before
// it is in the store once, and that the store has vouched for it. The first Save of
// which nobody knows what became of it is the last.
func TestSavesWhateverGoesWrong(t *testing.T) {
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
						testSaves(t, order, stored, signsIn, once)
					}
				})
			}
		}
	}
}

func testSaves(t *testing.T, order string, stored, signsIn, once bool) {
	st := newDoubtfulStore(t)
	site := probe.NewSite(t, st, session.Config{})
	want, acked := 0, 0
	confirmed := false
	var inDoubt error
	site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		for i := range order {
			st.fault = order[i]
			if i == 0 || !once {
				want++
				if err := probe.Increment(s); err != nil {
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
				t.Errorf("%s, %d: Save to a store that is well: %v", order, i, err)
			}
			if got, _ := probe.Counter.Get(s); got != want {
				t.Errorf("%s, %d: the handler sees %d, want %d", order, i, got, want)
			}
			if err != nil {
				inDoubt = err
				st.fault = faultNone
				refusesAll(t, s, err)
				return
			}
			confirmed, acked = true, want
			if err := s.Touch(r.Context()); errors.Is(err, session.ErrEnded) {
				t.Errorf("%s, %d: Touch: %v", order, i, err)
			}
		}
	})
	site.Handle("/first", func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Set("a", "b") })
	site.Handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		n, _ := probe.Counter.Get(s)
		fmt.Fprint(w, n, s.Subject())
	})
	b := site.Browser()
	if stored {
		b.Want("/first", 200, "")
	}
	set := b.Sets
	w := b.Get("/")
	last := st.fault
	st.fault = faultNone
	switch {
	case inDoubt != nil || w.Code == http.StatusServiceUnavailable && last != faultNone:
		if w.Code != http.StatusServiceUnavailable || !confirmed && b.Sets != set {
			t.Errorf("%s: %d and %d cookies, want 503, and none without a Save that has succeeded", order, w.Code, b.Sets-set)
		}
		if signsIn { // the token that the client has may be the one before
			return
		}
		var n int
		fmt.Sscan(b.Get("/show").Body.String(), &n)
		if (confirmed || stored) && (n < acked || n > want) && !strings.ContainsRune(order, faultFailover) {
			t.Errorf("%s: the session holds %d, want %d to %d", order, n, acked, want)
		}
		return
	case w.Code != http.StatusOK:
		t.Errorf("%s: %d", order, w.Code)
		return
	case !st.isSafe():
		t.Errorf("%s: 200, and the store has not vouched for it", order)
	}
	shown := fmt.Sprint(want)
	if signsIn {
		shown += "u"
	}
	if got := b.Get("/show").Body.String(); got != shown {
		t.Errorf("%s: the session holds %s, want %s", order, got, shown)
	}
	if got := site.Saw(session.EventCreated); got != 1 {
		t.Errorf("%s: %d sessions were created, want 1", order, got)
	}
}
