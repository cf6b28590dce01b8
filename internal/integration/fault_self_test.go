package integration

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// The harness proves itself: it finds nothing on a store that keeps its word,
// and finds out those that do not.
func TestFaultHarness(t *testing.T) {
	for _, tt := range []struct {
		name  string
		wrap  func(store.Store) store.Store
		wrong func(v verdict) bool
		what  string
	}{
		{"a store that keeps its word", func(s store.Store) store.Store { return s },
			func(v verdict) bool { return v != verdict{acked: v.acked} }, "nothing amiss"},
		{"a store that upserts", func(s store.Store) store.Store { return upserting{s} },
			func(v verdict) bool { return v.resurrected == 0 || v.lost == 0 }, "losses and resurrections"},
		{"a store that drops each hundredth write", func(s store.Store) store.Store { return &dropping{Store: s} },
			func(v verdict) bool { return v.lost == 0 }, "losses"},
		{"a store that writes each hundredth time twice", func(s store.Store) store.Store { return &doubling{Store: s} },
			func(v verdict) bool { return v.doubled == 0 }, "doubled changes"},
		{"a store that mixes sessions up", func(s store.Store) store.Store { return &mixing{Store: s} },
			func(v verdict) bool { return v.foreigners == 0 }, "sessions of others"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := memstore.New()
			defer store.Close(s)
			broken := tt.wrap(s)
			l := newLoad(t, [2]store.Store{broken, broken})
			l.start()
			_, steps := faultSize()
			l.eachSucceeds(4 * steps)
			l.end()
			v := l.judge(s)
			t.Logf("%d requests: %v", l.requests.Load(), v)
			if tt.wrong(v) {
				t.Errorf("want the verdict to tell of %s", tt.what)
			}
		})
	}
}

// upserting replaces whatever there is, and brings back what is gone.
type upserting struct{ store.Store }

func (s upserting) Save(ctx context.Context, rec store.Record, _ uint64) error {
	return errors.Join(s.Delete(ctx, rec.ID), s.Create(ctx, rec))
}

// dropping acknowledges each hundredth write without making it.
type dropping struct {
	store.Store
	n atomic.Int64
}

func (s *dropping) drops() bool { return s.n.Add(1)%100 == 0 }

func (s *dropping) Create(ctx context.Context, rec store.Record) error {
	if s.drops() {
		return nil
	}
	return s.Store.Create(ctx, rec)
}

func (s *dropping) Save(ctx context.Context, rec store.Record, old uint64) error {
	if s.drops() {
		return nil
	}
	return s.Store.Save(ctx, rec, old)
}

func (s *dropping) Delete(ctx context.Context, id store.ID) error {
	if s.drops() {
		return nil
	}
	return s.Store.Delete(ctx, id)
}

// doubling makes each hundredth change, and denies it.
type doubling struct {
	store.Store
	n atomic.Int64
}

func (s *doubling) Save(ctx context.Context, rec store.Record, old uint64) error {
	if s.n.Add(1)%100 != 0 {
		return s.Store.Save(ctx, rec, old)
	}
	rec.Version ^= 1 << 40
	return errors.Join(store.ErrConflict, s.Store.Save(ctx, rec, old))
}

// mixing returns another session's data at each tenth load.
type mixing struct {
	store.Store
	n    atomic.Int64
	last atomic.Pointer[[]byte]
}

func (s *mixing) Load(ctx context.Context, id store.ID) (store.Record, error) {
	rec, err := s.Store.Load(ctx, id)
	if other := s.last.Swap(&rec.Data); err == nil && other != nil && s.n.Add(1)%10 == 0 {
		rec.Data = *other
	}
	return rec, err
}
