package concurrent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A luckyStore does with what it is asked whatever chance says: it loses requests
// and answers, writes late, does not vouch for what it wrote, and goes back to
// what it has vouched for.
type luckyStore struct {
	probe.Faulty
	chance  *rand.Rand
	well    bool
	vouched map[store.ID]store.Record // of each session that was ever written
	late    []func()
	history []string
}

func newLuckyStore(seed uint64) *luckyStore {
	st := memstore.New()
	f := &luckyStore{
		Faulty: probe.Faulty{Store: st}, chance: rand.New(rand.NewPCG(seed, 1)),
		vouched: map[store.ID]store.Record{},
	}
	f.OnCreate = func(_ context.Context, rec store.Record) error {
		return f.put(rec, func() error { return st.Create(context.Background(), rec) })
	}
	f.OnSave = func(_ context.Context, rec store.Record, old uint64) error {
		return f.put(rec, func() error { return st.Save(context.Background(), rec, old) })
	}
	f.OnLoad = func(ctx context.Context, id store.ID) (store.Record, error) {
		if _, ok := f.vouched[id]; ok && f.meanwhile(id) && f.chance.IntN(6) == 0 {
			f.note("it cannot be read")
			return store.Record{}, errors.New("connection refused")
		}
		return st.Load(ctx, id)
	}
	f.OnTouch = func(context.Context, store.ID, uint64, time.Time, time.Time) error { return nil }
	return f
}

func (f *luckyStore) note(format string, args ...any) {
	f.history = append(f.history, fmt.Sprintf(format, args...))
}

// meanwhile is what happens between two requests. It is false while all is well.
func (f *luckyStore) meanwhile(id store.ID) bool {
	if f.well {
		return false
	}
	if n := len(f.late); n > 0 && f.chance.IntN(3) == 0 {
		i := f.chance.IntN(n)
		late := f.late[i]
		f.late = slices.Delete(f.late, i, i+1)
		late()
	}
	if f.chance.IntN(6) == 0 {
		f.failover(id)
	}
	return true
}

func (f *luckyStore) failover(id store.ID) {
	_ = f.Store.Delete(context.Background(), id)
	if rec := f.vouched[id]; !rec.ID.IsZero() {
		_ = f.Store.Create(context.Background(), rec)
	}
	f.note("it goes back to version %d", uint32(f.vouched[id].Version))
}

func (f *luckyStore) put(rec store.Record, write func() error) error {
	if _, ok := f.vouched[rec.ID]; !ok {
		f.vouched[rec.ID] = store.Record{}
	}
	vouch := func() error {
		err := write()
		if err == nil {
			f.vouched[rec.ID] = rec
		}
		return err
	}
	version := uint32(rec.Version)
	if !f.meanwhile(rec.ID) || f.chance.IntN(5) < 2 {
		err := vouch()
		f.note("version %d is written: %v", version, err)
		return err
	}
	fault := f.chance.IntN(7)
	switch fault {
	case 0:
		f.note("version %d comes late, unconfirmed", version)
		f.late = append(f.late, func() { f.note("late, version %d: %v", version, write()) })
		return probe.ErrNoReplica
	case 1:
		f.note("version %d comes late, timed out", version)
		f.late = append(f.late, func() { f.note("late, version %d: %v", version, vouch()) })
		return errors.New("timeout")
	case 2:
		f.note("version %d is lost, unconfirmed", version)
		return probe.ErrNoReplica
	case 3:
		err := vouch()
		f.note("version %d is written, the answer lost: %v", version, err)
		return errors.New("connection reset")
	case 4:
		f.failover(rec.ID)
		err := vouch()
		f.note("then version %d is written: %v", version, err)
		return err
	}
	if err := write(); err != nil {
		f.note("version %d is written: %v", version, err)
		return err
	}
	f.note("version %d is written, unconfirmed", version)
	if fault == 5 {
		f.failover(rec.ID)
	}
	return probe.ErrNoReplica
}

var changes = session.NewKey[[]string]("changes")

func change(s *session.Session, name string) error {
	return changes.Update(s, func(all []string) ([]string, error) { return append(slices.Clone(all), name), nil })
}

// once tells what of a record is wrong, where it is to hold each change at most
// once, and those that succeeded.
func once(rec store.Record, succeeded []string) error {
	st := memstore.New()
	m, err := session.NewManager(st, session.Config{})
	if err != nil {
		return err
	}
	defer m.Close()
	if err := st.Create(context.Background(), rec); err != nil {
		return err
	}
	var all []string
	err = m.Edit(context.Background(), rec.ID, func(s *session.Session) error {
		all, _ = changes.Get(s)
		return nil
	})
	if err != nil {
		return err
	}
	seen := map[string]int{}
	for _, name := range all {
		if seen[name]++; seen[name] > 1 {
			return fmt.Errorf("%s is there twice: %v", name, all)
		}
	}
	for _, name := range succeeded {
		if seen[name] == 0 {
			return fmt.Errorf("%s is lost: %v", name, all)
		}
	}
	return nil
}

// TestDoubtfulHistories: requests save over and over, while jobs on this machine
// and another edit the session, over a store that does what chance says. After each
// commit that succeeds, all that succeeded is in the store and in what it has
// vouched for, once. A request of which a commit is in doubt is followed by another.
func TestDoubtfulHistories(t *testing.T) {
	const histories = 1000 // of each kind
	for _, stored := range []bool{false, true} {
		for _, signsIn := range []bool{false, true} {
			t.Run(fmt.Sprintf("stored=%v,signsIn=%v", stored, signsIn), func(t *testing.T) {
				for seed := range uint64(histories) {
					f := newLuckyStore(seed)
					if err := f.live(t, stored, signsIn); err != nil {
						t.Fatalf("seed %d: %v\n%q", seed, err, f.history)
					}
				}
			})
		}
	}
}

// live is one history.
func (f *luckyStore) live(t *testing.T, stored, signsIn bool) error {
	ctx := t.Context()
	d, other := probe.NewDirect(t, f, session.Config{}), probe.NewDirect(t, f, session.Config{})
	f.well = true
	s, token := d.Load(nil), (*http.Cookie)(nil)
	if stored {
		token = d.With("a", "b")
		s = d.Load(token)
	}
	var pending, succeeded []string
	check := func() error {
		rec, err := f.Store.Load(ctx, s.ID())
		if err != nil {
			return fmt.Errorf("after success: %w", err)
		}
		return errors.Join(once(rec, succeeded), once(f.vouched[s.ID()], succeeded))
	}
	for step := range 4 + f.chance.IntN(8) {
		name := fmt.Sprint(step)
		f.well = false
		switch what := f.chance.IntN(8); {
		case what < 3:
			if change(s, name) == nil {
				f.note("change %s", name)
				pending = append(pending, name)
			}
		case what == 3 && signsIn:
			f.note("a new token: %v", []func() error{
				func() error { return s.Login("u") }, s.Renew, func() error { return s.SetLifetime(session.Lifetime{}) },
			}[f.chance.IntN(3)]())
		case what == 4 || what == 5:
			m := []probe.Direct{d, other}[f.chance.IntN(2)].M
			f.note("a job changes %s", name)
			if m.Edit(ctx, s.ID(), func(s *session.Session) error { return change(s, name) }) != nil {
				continue
			}
			succeeded = append(succeeded, name)
			if err := check(); err != nil {
				return err
			}
		default:
			f.well = f.chance.IntN(3) == 0
			err := s.Save(ctx)
			f.note("Save: %v", err)
			if errors.Is(err, session.ErrEnded) {
				if stored && !signsIn { // nobody has ended it
					return err
				}
				return nil
			}
			if err != nil && len(pending) > 0 {
				if again := change(s, "again"); again != err {
					return fmt.Errorf("a change after the commit in doubt: %v, want %w", again, err)
				}
				if signsIn || !stored { // the client may have no token any more
					return nil
				}
				f.well = true
				s, pending = d.Load(token), nil
				if s.IsNew() {
					return errors.New("the session is gone")
				}
			}
			if err != nil {
				continue
			}
			if succeeded, pending = append(succeeded, pending...), nil; len(succeeded) == 0 {
				continue
			}
			if err := check(); err != nil {
				return err
			}
		}
	}
	return nil
}
