package probe

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A Tap stands between a Manager and a store in memory. It counts what the store is
// asked, keeps all that it was given, and lets a test get in between.
type Tap struct {
	Under       store.Lister
	Undeletable func(id store.ID) error // asked before a Delete, if there is one

	mu      sync.Mutex
	calls   []string
	written []store.Record
	around  func(ctx context.Context, op string, do func() error) error
	spoil   func(rec store.Record) store.Record // what Load returns
}

// NewTap returns a Tap over a new store.
func NewTap() *Tap { return &Tap{Under: memstore.New()} }

func (t *Tap) call(ctx context.Context, op string, do func() error) error {
	t.mu.Lock()
	t.calls = append(t.calls, op)
	around := t.around
	t.mu.Unlock()
	if around == nil {
		return do()
	}
	return around(ctx, op, do)
}

// Put makes f stand before every operation of the store, until the next Put. A nil f
// takes the one of before away.
func (t *Tap) Put(f func(ctx context.Context, op string, do func() error) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.around = f
}

// Fail makes every operation of a name return err without being done.
func (t *Tap) Fail(op string, err error) {
	t.Put(func(_ context.Context, o string, do func() error) error {
		if o == op {
			return err
		}
		return do()
	})
}

// FailFrom makes the operations of a name fail, but for the first n.
func (t *Tap) FailFrom(op string, n int, err error) {
	seen := 0
	t.Put(func(_ context.Context, o string, do func() error) error {
		if o != op {
			return do()
		}
		if seen++; seen <= n {
			return do()
		}
		return err
	})
}

// At makes f happen once, before or after the operation of this number from now on.
func (t *Tap) At(step int, after bool, f func()) {
	n := 0
	t.Put(func(_ context.Context, _ string, do func() error) error {
		n++
		here := n-1 == step
		if here && !after {
			t.Put(nil)
			f()
		}
		err := do()
		if here && after {
			t.Put(nil)
			f()
		}
		return err
	})
}

// Poison changes what Load returns, until the next Poison.
func (t *Tap) Poison(f func(rec store.Record) store.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spoil = f
}

// Took returns the operations since it was last called.
func (t *Tap) Took() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.calls
	t.calls = nil
	return calls
}

// Given returns every record that was ever to be written.
func (t *Tap) Given() []store.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.written)
}

func (t *Tap) keep(rec store.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rec.Data = bytes.Clone(rec.Data)
	t.written = append(t.written, rec)
}

// Load is that of [store.Store].
func (t *Tap) Load(ctx context.Context, id store.ID) (rec store.Record, err error) {
	err = t.call(ctx, "load", func() (err error) { rec, err = t.Under.Load(ctx, id); return err })
	t.mu.Lock()
	spoil := t.spoil
	t.mu.Unlock()
	if err == nil && spoil != nil {
		rec = spoil(rec)
	}
	return rec, err
}

// Create is that of [store.Store].
func (t *Tap) Create(ctx context.Context, rec store.Record) error {
	t.keep(rec)
	return t.call(ctx, "create", func() error { return t.Under.Create(ctx, rec) })
}

// Save is that of [store.Store].
func (t *Tap) Save(ctx context.Context, rec store.Record, old uint64) error {
	t.keep(rec)
	return t.call(ctx, "save", func() error { return t.Under.Save(ctx, rec, old) })
}

// Touch is that of [store.Store].
func (t *Tap) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	return t.call(ctx, "touch", func() error { return t.Under.Touch(ctx, id, version, seen, expires) })
}

// Delete is that of [store.Store].
func (t *Tap) Delete(ctx context.Context, id store.ID) error {
	return t.call(ctx, "delete", func() error {
		if t.Undeletable != nil {
			if err := t.Undeletable(id); err != nil {
				return err
			}
		}
		return t.Under.Delete(ctx, id)
	})
}

// List is that of [store.Lister].
func (t *Tap) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		var recs []store.Record
		err := t.call(ctx, "list", func() (err error) { recs, err = Collect(t.Under.List(ctx, subject)); return err })
		for _, rec := range recs {
			if !yield(rec, nil) {
				return
			}
		}
		if err != nil {
			yield(store.Record{}, err)
		}
	}
}

// Collect returns what a loop yields until it yields an error.
func Collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}
