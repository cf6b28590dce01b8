package probe

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A Faulty does what its functions say in the place of the store below.
// A nil function does nothing in particular.
type Faulty struct {
	store.Store
	OnLoad   func(ctx context.Context, id store.ID) (store.Record, error)
	OnCreate func(ctx context.Context, rec store.Record) error
	OnSave   func(ctx context.Context, rec store.Record, old uint64) error
	OnTouch  func(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error
	OnDelete func(ctx context.Context, id store.ID) error
}

// Load is that of [store.Store].
func (f *Faulty) Load(ctx context.Context, id store.ID) (store.Record, error) {
	if f.OnLoad != nil {
		return f.OnLoad(ctx, id)
	}
	return f.Store.Load(ctx, id)
}

// Create is that of [store.Store].
func (f *Faulty) Create(ctx context.Context, rec store.Record) error {
	if f.OnCreate != nil {
		return f.OnCreate(ctx, rec)
	}
	return f.Store.Create(ctx, rec)
}

// Save is that of [store.Store].
func (f *Faulty) Save(ctx context.Context, rec store.Record, old uint64) error {
	if f.OnSave != nil {
		return f.OnSave(ctx, rec, old)
	}
	return f.Store.Save(ctx, rec, old)
}

// Touch is that of [store.Store].
func (f *Faulty) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	if f.OnTouch != nil {
		return f.OnTouch(ctx, id, version, seen, expires)
	}
	return f.Store.Touch(ctx, id, version, seen, expires)
}

// Delete is that of [store.Store].
func (f *Faulty) Delete(ctx context.Context, id store.ID) error {
	if f.OnDelete != nil {
		return f.OnDelete(ctx, id)
	}
	return f.Store.Delete(ctx, id)
}

// List is that of [store.Lister].
func (f *Faulty) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return store.List(ctx, f.Store, subject)
}

// A Silent is a store that gives no answer while Now is true, and cannot be read then.
type Silent struct {
	Faulty
	Now atomic.Bool
}

// NewSilent returns one that writes all the same, or does not.
func NewSilent(t testing.TB, writes bool) *Silent {
	st := memstore.New()
	f := &Silent{Faulty: Faulty{Store: st}}
	down := errors.New("connection reset")
	put := func(write func() error) error {
		switch {
		case !f.Now.Load():
			return write()
		case writes:
			Must(t, write())
		}
		return down
	}
	f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
		return put(func() error { return st.Save(ctx, rec, old) })
	}
	f.OnCreate = func(ctx context.Context, rec store.Record) error {
		return put(func() error { return st.Create(ctx, rec) })
	}
	f.OnLoad = func(ctx context.Context, id store.ID) (store.Record, error) {
		if f.Now.Load() {
			return store.Record{}, down
		}
		return st.Load(ctx, id)
	}
	return f
}
