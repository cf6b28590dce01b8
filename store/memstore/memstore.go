// Package memstore keeps sessions in the memory of this process.
//
// It is for tests, for development, and for an application that runs as one
// process and can let its users sign in again after a restart: nothing is
// written anywhere. Sessions are not shared with another process.
//
// Importing the package makes the URL "memory:" known to [store.Open]. Each
// Open returns a store of its own.
package memstore

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/store"
)

func init() { store.Register("memory", open) }

// open opens the URL "memory:".
func open(url string) (store.Store, error) {
	if url != "memory:" {
		return nil, errors.New("memstore: the URL is memory: and nothing after it")
	}
	return New(), nil
}

// shards is how many shards a store has. It is a power of two.
const shards = 64

// batch is the most records that GC looks at before it lets go of a shard.
const batch = 256

// errClosed is what every operation returns after Close.
var errClosed = errors.New("memstore: the store is closed, or was not made by New")

// A Store keeps records in maps. It implements [store.Store], [store.Lister],
// [store.Collector], [store.Pinger] and [io.Closer], starts no goroutine, and
// may be used by many at once. Use [New] to make one.
//
// What has expired stays in memory until GC is called, by the manager or by
// whoever uses the store without one.
type Store struct {
	// A record, its place in the queue of GC and its place under its subject
	// are in one shard, under one lock: they cannot differ, and no operation
	// holds two locks.
	shards [shards]shard
}

// New returns an empty store.
func New() *Store {
	s := new(Store)
	for i := range s.shards {
		s.shards[i].open()
	}
	return s
}

// shard returns the shard that an ID belongs to. IDs are random, so that one
// byte of them spreads evenly.
func (s *Store) shard(id store.ID) *shard { return &s.shards[id[0]%shards] }

// Load returns the record of an ID, or an error that is [store.ErrNotFound]
// where it is missing or expired. It allocates nothing: Data is the slice that
// the store keeps, to be read only.
func (s *Store) Load(ctx context.Context, id store.ID) (store.Record, error) {
	if err := ctx.Err(); err != nil {
		return store.Record{}, err
	}
	return s.shard(id).load(id, time.Now().UnixMilli())
}

// Create adds a record, with a copy of its Data. It returns [store.ErrExists]
// where the ID is taken by a live record, and replaces an expired one.
func (s *Store) Create(ctx context.Context, rec store.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.shard(rec.ID).create(newEntry(rec), time.Now().UnixMilli())
}

// Save replaces the record of rec.ID, with a copy of rec.Data, if its version
// is old. It returns [store.ErrConflict], and changes nothing, where the record
// is gone, has expired, or has another version.
func (s *Store) Save(ctx context.Context, rec store.Record, old uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.shard(rec.ID).save(newEntry(rec), old, time.Now().UnixMilli())
}

// Touch moves Seen and Expires of a live record of this version. Where there
// is none, nothing happens, and that is no error.
func (s *Store) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.shard(id).touch(id, version, seen.UnixMilli(), expires.UnixMilli(), time.Now().UnixMilli())
}

// Delete removes a record. That there is none is no error.
func (s *Store) Delete(ctx context.Context, id store.ID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.shard(id).delete(id)
}

// List returns the live records of a subject, in no particular order, and none
// for the empty subject. Each Data is the slice that the store keeps, to be
// read only. Records that are written meanwhile are returned as they were
// before or after.
func (s *Store) List(ctx context.Context, subject string) ([]store.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var records []store.Record
	now := time.Now().UnixMilli()
	for i := range s.shards {
		var err error
		if records, err = s.shards[i].list(records, subject, now); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// GC deletes the records that expired at least [store.GCDelay] ago and returns
// how many. It holds the lock of one shard at a time, for 256 records at most.
// When ctx ends it returns the context's error and the count so far.
func (s *Store) GC(ctx context.Context) (int, error) {
	total := 0
	// Fixed for the whole call: what it puts back into a queue is later than
	// this, so it comes to an end.
	cutoff := time.Now().Add(-store.GCDelay).UnixMilli()
	for i := range s.shards {
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				return total, err
			}
			var n int
			var err error
			n, more, err = s.shards[i].collect(cutoff, batch)
			total += n
			if err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// Ping returns nil until the store is closed.
func (s *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.shards[0].ping()
}

// Close forgets all records. Whatever is called afterwards returns an error
// that says the store is closed, except Close, which returns nil.
func (s *Store) Close() error {
	for i := range s.shards {
		s.shards[i].close()
	}
	return nil
}
