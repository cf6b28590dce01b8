// Package memstore keeps sessions in the memory of this process.
//
// It is for an application that runs as one process and can let its users sign
// in again after a restart, and for tests and development: nothing is written
// anywhere. Sessions are not shared with another process.
//
// # Cost
//
// It is made for up to ten million sessions. Each takes some 55 bytes of the heap
// beside its data and its subject, both indexes included; what subjects share up
// to their first colon, as the realm, takes nothing. There are so few pointers
// that sessions cost Go's garbage collector next to nothing, whatever their
// number. No call waits for what grows with the number of sessions: tables
// grow and shrink by a step at each call, and [Store.GC] locks a 64th of the
// sessions for as long as it takes to remove 32 of them.
//
// Sessions that are written again and again take up to 1.4 times as much, since
// the place of an earlier version is used again only when half of 16 KiB is such
// places. What ended sessions took is used again, or given back to Go's heap.
//
// [NewLimited] and the URL "memory:?max_bytes=N" make a store that refuses
// sessions rather than take more memory than that.
//
// Importing the package makes URLs of the scheme memory known to [store.Open].
// Each Open returns a store of its own.
package memstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/b4468f51/session/store"
)

// shards is how many shards a store has. It is a power of two.
const shards = 64

// batch is the most records that GC removes before it lets go of a shard.
const batch = 32

// errClosed is what every operation returns after Close.
var errClosed = errors.New("memstore: the store is closed, or was not made by New")

// A Store keeps records in memory. It implements [store.Store], [store.Lister],
// [store.SubjectDeleter], [store.Collector], [store.Pinger] and [io.Closer],
// starts no goroutine, and may be used by many at once. Use [New] or [NewLimited]
// to make one.
//
// What has expired stays in memory until GC is called, by the manager or by
// whoever uses the store without one.
type Store struct {
	limit    limit
	prefixes prefixes
	seed     maphash.Seed

	// A record, its place under its ID and its place under its subject are in
	// one shard, under one lock: they cannot differ, and no operation holds two
	// locks.
	shards [shards]shard
}

// New returns an empty store, which takes what memory it needs.
func New() *Store {
	s := new(Store)
	s.prefixes.open()
	s.seed = maphash.MakeSeed()
	epoch := time.Now().UnixMilli()
	for i := range s.shards {
		s.shards[i].open(s.seed, epoch, &s.limit)
	}
	return s
}

// NewLimited returns an empty store that takes at most so many bytes of the
// heap for its records and tables. It panics if that is less than [MinLimit].
//
// Create of an anonymous session, and a Save that makes one larger, return an
// error that is [ErrFull] once seven eighths are used: visitors, or whoever poses
// as many, do not keep users from signing in. Any other Create, and a Save that
// makes its record larger, do so at the limit. Everything else always works. A Save
// that does not make its record larger may go past the limit, by what the version
// before still takes until its place is used again: by an eighth at most, and 16 KiB
// in each of 64 shards.
func NewLimited(maxBytes int64) *Store {
	if maxBytes < MinLimit {
		panic(fmt.Sprintf("memstore: NewLimited of %d bytes; the least is %d", maxBytes, MinLimit))
	}
	s := New()
	s.limit.max = maxBytes
	return s
}

// shard returns the shard that an ID belongs to. IDs are random, so that one
// byte of them spreads evenly.
func (s *Store) shard(id store.ID) *shard { return &s.shards[id[0]%shards] }

// Load returns the record of an ID, or an error that is [store.ErrNotFound]
// where it is missing or expired. It allocates nothing but the subject, if there
// is one: Data is the memory that the store keeps, to be read only. See the example of
// [Store.Touch].
func (s *Store) Load(ctx context.Context, id store.ID) (store.Record, error) {
	if err := ctx.Err(); err != nil {
		return store.Record{}, err
	}
	f, err := s.shard(id).find(&id, time.Now().UnixMilli())
	if err != nil {
		return store.Record{}, err
	}
	return f.record(id, s.prefixes.join(f.subject)), nil
}

// Create adds a record, with a copy of its Data. It returns [store.ErrExists]
// where the ID is taken by a live record, and replaces an expired one. In a store
// of [NewLimited] it may return [ErrFull].
func (s *Store) Create(ctx context.Context, rec store.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := newEntry(&rec, &s.prefixes)
	return s.shard(rec.ID).create(&e, time.Now().UnixMilli())
}

// Save replaces the record of rec.ID, with a copy of rec.Data, if its version
// is old. It returns [store.ErrConflict], and changes nothing, where the record
// is gone, has expired, or has another version. In a store of [NewLimited] it
// may return [ErrFull] for a record that grows.
func (s *Store) Save(ctx context.Context, rec store.Record, old uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := newEntry(&rec, &s.prefixes)
	return s.shard(rec.ID).save(&e, old, time.Now().UnixMilli())
}

// Touch moves Seen and Expires of a live record of this version. Where there
// is none, nothing happens, and that is no error.
func (s *Store) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.shard(id).touch(&id, version, seen.UnixMilli(), expires.UnixMilli(), time.Now().UnixMilli())
}

// Delete removes a record. That there is none is no error. See the example of
// [Store.DeleteSubject].
func (s *Store) Delete(ctx context.Context, id store.ID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.shard(id).delete(&id)
}

// GC deletes the records that expired at least [store.GCDelay] ago and returns
// how many. It takes the shards in turn, and holds the lock of one at a time, to
// go through 16 KiB of records and remove 32 of them at most. Of each 16 KiB it is
// known before when there may be something to collect; the others it does not
// look at. To look at a million records takes some 50 milliseconds of CPU time,
// to remove as many some two seconds. When ctx ends it returns the context's error and the count so far.
func (s *Store) GC(ctx context.Context) (int, error) {
	// Fixed for the whole call, so that it comes to an end.
	cutoff := time.Now().Add(-store.GCDelay).UnixMilli()
	total := 0
	var next [shards]uint32
	var done [shards]bool
	for left := shards; left > 0; {
		for i := range s.shards {
			if done[i] {
				continue
			}
			if err := ctx.Err(); err != nil {
				return total, err
			}
			n, on, more, err := s.shards[i].collect(next[i], cutoff)
			total += n
			if err != nil {
				return total, err
			}
			if next[i] = on; !more {
				done[i] = true
				left--
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
