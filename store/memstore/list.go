package memstore

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/b4468f51/session/store"
)

// List yields the live records of a subject, in no particular order, and none
// for the empty subject. Each Data is memory that the store keeps, to be read
// only. Records that are written meanwhile are yielded as they were before or
// after.
func (s *Store) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		var records []store.Record
		err := s.eachBatch(ctx, subject, func(sh *shard, of *owner, ids []store.ID) (bool, error) {
			var err error
			if records, err = sh.load(records[:0], of, ids); err != nil {
				return false, err
			}
			for _, rec := range records {
				if !yield(rec, nil) {
					return false, nil
				}
			}
			clear(records) // the store may have dropped what they share with it
			return true, nil
		})
		if err != nil {
			yield(store.Record{}, err)
		}
	}
}

// DeleteSubject deletes the live records of a subject but for one, and yields
// their IDs. It removes 32 of them at most before it lets go of a shard.
func (s *Store) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return func(yield func(store.ID, error) bool) {
		err := s.eachBatch(ctx, subject, func(sh *shard, of *owner, ids []store.ID) (bool, error) {
			for some := range slices.Chunk(ids, batch) {
				deleted, err := sh.deleteOf(of, some, spare)
				if err != nil {
					return false, err
				}
				for _, id := range deleted {
					if !yield(id, nil) {
						return false, nil
					}
				}
			}
			return true, nil
		})
		if err != nil {
			yield(store.ID{}, err)
		}
	}
}

// An owner is a subject whose records are looked for.
type owner struct {
	name string
	kept subject[string]
	hash uint64
}

func (o *owner) has(r record) bool {
	if !r.is(hasSubject) {
		return false
	}
	s := r.subject()
	return s.prefix == o.kept.prefix && string(s.rest) == o.kept.rest
}

// eachBatch calls f with the IDs of a subject's records, [store.MaxBatch] of one
// shard at most, until it returns false or an error. No lock is held meanwhile.
func (s *Store) eachBatch(ctx context.Context, subject string, f func(*shard, *owner, []store.ID) (bool, error)) error {
	if err := s.Ping(ctx); err != nil || subject == "" {
		return err
	}
	of := owner{name: subject, kept: s.prefixes.find(subject)}
	of.hash = hashSubject(s.seed, of.kept)
	var room []store.ID
	for i := range s.shards {
		sh := &s.shards[i]
		for after, more := (*store.ID)(nil), true; more; {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			if room, err = sh.idsOf(room[:0], &of, after); err != nil {
				return err
			}
			ids := room[:min(len(room), store.MaxBatch)]
			if more = len(room) > len(ids); more {
				last := ids[len(ids)-1]
				after = &last
			}
			if len(ids) == 0 {
				continue
			}
			if on, err := f(sh, &of, ids); !on || err != nil {
				return err
			}
		}
	}
	return nil
}

// idsOf appends the IDs of a subject's records that follow one, ascending: those
// of a batch, and some more if there are more. It goes through all of them, since
// the chain that they stand in may be another when the next batch is asked for.
func (s *shard) idsOf(ids []store.ID, of *owner, after *store.ID) ([]store.ID, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.isOpen {
		return nil, errClosed
	}
	var next uint32
	for pos := s.subjects.first(of.hash); pos != 0; pos = next {
		r := s.log.at(pos)
		next = r.link(subjectLink)
		if !of.has(r) || after != nil && bytes.Compare(r.id(), after[:]) <= 0 {
			continue
		}
		if len(ids) == 8*store.MaxBatch {
			sortIDs(ids)
			ids = ids[:store.MaxBatch+1]
		}
		ids = append(ids, store.ID(r.id()))
	}
	sortIDs(ids)
	return ids, nil
}

func sortIDs(ids []store.ID) {
	slices.SortFunc(ids, func(a, b store.ID) int { return bytes.Compare(a[:], b[:]) })
}

// load appends the records of these IDs that are live and the subject's.
func (s *shard) load(records []store.Record, of *owner, ids []store.ID) ([]store.Record, error) {
	now := time.Now().UnixMilli()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.isOpen {
		return nil, errClosed
	}
	for _, id := range ids {
		pos := s.findLocked(&id)
		if pos == 0 || !of.has(s.log.at(pos)) {
			continue
		}
		if f := s.log.at(pos).fields(s.epoch); f.live(now) {
			records = append(records, f.record(id, of.name))
		}
	}
	return records, nil
}

// deleteOf removes the records of these IDs that are the subject's, and returns
// the IDs of those that were live, in the place of the others.
func (s *shard) deleteOf(of *owner, ids []store.ID, spare store.ID) ([]store.ID, error) {
	now := time.Now().UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOpen {
		return nil, errClosed
	}
	deleted := ids[:0]
	for _, id := range ids {
		pos := s.findLocked(&id)
		if pos == 0 || id == spare || !of.has(s.log.at(pos)) {
			continue
		}
		f := s.log.at(pos).fields(s.epoch)
		s.deleteLocked(pos)
		if f.live(now) {
			deleted = append(deleted, id)
		}
	}
	return deleted, nil
}
