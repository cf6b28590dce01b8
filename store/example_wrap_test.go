package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A countingStore counts the loads of another store. Whatever else that store can do, it
// can do too: the functions of this package ask the store inside, and return
// errors.ErrUnsupported if that cannot.
type countingStore struct {
	store.Store
	loads int
}

func (c *countingStore) Load(ctx context.Context, id store.ID) (store.Record, error) {
	c.loads++ // with a lock or an atomic in a real program
	return c.Store.Load(ctx, id)
}

func (c *countingStore) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return store.List(ctx, c.Store, subject)
}

func (c *countingStore) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return store.DeleteSubject(ctx, c.Store, subject, spare)
}

func (c *countingStore) TouchRecord(ctx context.Context, rec store.Record, seen, expires time.Time) error {
	return store.Touch(ctx, c.Store, rec, seen, expires)
}

func (c *countingStore) GC(ctx context.Context) (int, error) { return store.GC(ctx, c.Store) }
func (c *countingStore) Ping(ctx context.Context) error      { return store.Ping(ctx, c.Store) }
func (c *countingStore) Shared() bool                        { return store.Shared(c.Store) }
func (c *countingStore) Close() error                        { return store.Close(c.Store) }

// A store that wraps another forwards what the other may be able to do.
func ExampleStore_wrap() {
	ctx := context.Background()
	s := &countingStore{Store: memstore.New()}
	defer s.Close()

	_, err := s.Load(ctx, store.ID{15: 1})
	fmt.Println(err)
	fmt.Println("loads:", s.loads)
	fmt.Println("ping:", store.Ping(ctx, s))
	fmt.Println("shared:", store.Shared(s))
	n, err := store.GC(ctx, s)
	fmt.Println("collected:", n, err)

	plain := &countingStore{Store: struct{ store.Store }{s}} // hides all but the five operations
	fmt.Println("unsupported:", errors.Is(store.Ping(ctx, plain), errors.ErrUnsupported))

	// Output:
	// store: no such record
	// loads: 1
	// ping: <nil>
	// shared: false
	// collected: 0 <nil>
	// unsupported: true
}
