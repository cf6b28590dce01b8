package life_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A faulty store counts the calls that write, and asks its functions first. One that
// returns errAsk leaves the call to the store.
type faulty struct {
	*memstore.Store
	mu     sync.Mutex
	loads  int
	writes int
	load   func(id store.ID) error
	create func(rec store.Record) error
	save   func(rec store.Record) error
	touch  func() error
	delete func(id store.ID) error
}

var errAsk = errors.New("ask the store")

func ask[T any](f *faulty, count *int, try func(T) error, of T) error {
	f.mu.Lock()
	*count++
	f.mu.Unlock()
	if try == nil {
		return errAsk
	}
	return try(of)
}

func (f *faulty) Load(ctx context.Context, id store.ID) (store.Record, error) {
	if err := ask(f, &f.loads, f.load, id); err != errAsk {
		return store.Record{}, err
	}
	return f.Store.Load(ctx, id)
}

func (f *faulty) Create(ctx context.Context, rec store.Record) error {
	if err := ask(f, &f.writes, f.create, rec); err != errAsk {
		return err
	}
	return f.Store.Create(ctx, rec)
}

func (f *faulty) Save(ctx context.Context, rec store.Record, old uint64) error {
	if err := ask(f, &f.writes, f.save, rec); err != errAsk {
		return err
	}
	return f.Store.Save(ctx, rec, old)
}

func (f *faulty) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	try := f.touch
	if err := ask(f, &f.writes, func(int) error {
		if try == nil {
			return errAsk
		}
		return try()
	}, 0); err != errAsk {
		return err
	}
	return f.Store.Touch(ctx, id, version, seen, expires)
}

func (f *faulty) Delete(ctx context.Context, id store.ID) error {
	if err := ask(f, &f.writes, f.delete, id); err != errAsk {
		return err
	}
	return f.Store.Delete(ctx, id)
}

// written returns how many calls have written since it was last called.
func (w *world) written() int {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	n := w.store.writes
	w.store.writes = 0
	return n
}

var errLost = errors.New("connection reset")
