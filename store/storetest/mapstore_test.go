package storetest

import (
	"bytes"
	"context"
	"iter"
	"sync"
	"time"

	"github.com/b4468f51/session/store"
)

// A mapStore is the smallest store that keeps every rule: a map and a mutex.
// Broken stores embed it and break one method.
type mapStore struct {
	mu      sync.Mutex
	records map[store.ID]store.Record
}

func newMapStore() *mapStore { return &mapStore{records: map[store.ID]store.Record{}} }

// liveLocked returns a record that has not expired.
func (s *mapStore) liveLocked(id store.ID) (store.Record, bool) {
	r, ok := s.records[id]
	return r, ok && time.Now().Before(r.Expires)
}

// over returns rec with what a Save leaves as it was in old.
func over(old, rec store.Record) store.Record {
	rec.Created = old.Created
	if rec.Seen.Before(old.Seen) {
		rec.Seen, rec.Expires = old.Seen, old.Expires
	}
	return rec
}

// swapLocked replaces a record by rec, with data of its own.
func (s *mapStore) swapLocked(rec store.Record) {
	rec = over(s.records[rec.ID], rec)
	rec.Data = bytes.Clone(rec.Data)
	s.records[rec.ID] = rec
}

func (s *mapStore) Load(ctx context.Context, id store.ID) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return store.Record{}, err
	}
	r, ok := s.liveLocked(id)
	if !ok {
		return store.Record{}, store.ErrNotFound
	}
	return r, nil
}

func (s *mapStore) Create(ctx context.Context, rec store.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if old, taken := s.records[rec.ID]; taken && old.Expires.After(time.Now()) {
		return store.ErrExists
	}
	rec.Data = bytes.Clone(rec.Data)
	s.records[rec.ID] = rec
	return nil
}

func (s *mapStore) Save(ctx context.Context, rec store.Record, old uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if r, ok := s.liveLocked(rec.ID); !ok || r.Version != old {
		return store.ErrConflict
	}
	s.swapLocked(rec)
	return nil
}

func (s *mapStore) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if r, ok := s.liveLocked(id); ok && r.Version == version && !seen.Before(r.Seen) {
		r.Seen, r.Expires = seen, expires
		s.records[id] = r
	}
	return nil
}

func (s *mapStore) Delete(ctx context.Context, id store.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	delete(s.records, id)
	return nil
}

// liveOf matches the live records of a subject.
func liveOf(subject string) func(store.Record) bool {
	return func(r store.Record) bool {
		return r.Subject == subject && subject != "" && time.Now().Before(r.Expires)
	}
}

func (s *mapStore) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return s.listWhere(ctx, liveOf(subject))
}

func (s *mapStore) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return s.deleteWhere(ctx, func(r store.Record) bool { return liveOf(subject)(r) && r.ID != spare })
}

// listWhere yields the records that match.
func (s *mapStore) listWhere(ctx context.Context, match func(store.Record) bool) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		err := s.batches(ctx, match, nil, func(r store.Record) bool { return yield(r, nil) })
		if err != nil {
			yield(store.Record{}, err)
		}
	}
}

// deleteWhere deletes the records that match, and yields their IDs.
func (s *mapStore) deleteWhere(ctx context.Context, match func(store.Record) bool) iter.Seq2[store.ID, error] {
	return func(yield func(store.ID, error) bool) {
		remove := func(r store.Record) { delete(s.records, r.ID) }
		err := s.batches(ctx, match, remove, func(r store.Record) bool { return yield(r.ID, nil) })
		if err != nil {
			yield(store.ID{}, err)
		}
	}
}

// batches calls then with the records that match, until it returns false, having
// called locked, if there is one, with all of a batch.
func (s *mapStore) batches(ctx context.Context, match func(store.Record) bool, locked func(store.Record), then func(store.Record) bool) error {
	s.mu.Lock()
	var ids []store.ID
	for id, r := range s.records {
		if match(r) {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	for len(ids) > 0 && ctx.Err() == nil {
		n := min(len(ids), store.MaxBatch)
		var records []store.Record
		s.mu.Lock()
		for _, id := range ids[:n] {
			if r, ok := s.records[id]; ok && match(r) {
				records = append(records, r)
				if locked != nil {
					locked(r)
				}
			}
		}
		s.mu.Unlock()
		for _, r := range records {
			if !then(r) {
				return nil
			}
		}
		ids = ids[n:]
	}
	return ctx.Err()
}

func (s *mapStore) GC(ctx context.Context) (int, error) {
	return s.collectWhere(ctx, func(r store.Record) bool {
		return !time.Now().Before(r.Expires.Add(store.GCDelay))
	})
}

// collectWhere deletes the records that match.
func (s *mapStore) collectWhere(ctx context.Context, match func(store.Record) bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for id, r := range s.records {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		if match(r) {
			delete(s.records, id)
			n++
		}
	}
	return n, nil
}

func (s *mapStore) Ping(ctx context.Context) error { return ctx.Err() }

func (s *mapStore) Close() error { return nil }

// A plainStore hides what a store can do beyond the five operations.
type plainStore struct{ store.Store }
