package redisstore

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/store"
)

// List yields the live records of a subject. It costs a round trip for each 1024
// entries of the index, all of which are read first, and one for each
// [store.MaxBatch] records (in Cluster one to each server, at once). It forgets
// the entries whose records are gone.
func (s *Store) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		entries, err := s.entries(ctx, subject)
		for some := range slices.Chunk(entries, store.MaxBatch) {
			var records []store.Record
			records, err = s.load(ctx, subject, some)
			for _, rec := range records {
				if !yield(rec, nil) {
					return
				}
			}
			if err != nil {
				break
			}
		}
		if err != nil {
			yield(store.Record{}, err)
		}
	}
}

// DeleteSubject deletes the live records of a subject but for one, and yields
// their IDs. It costs what [Store.List] does, and a round trip for each batch to
// clean the index. With Options.WaitReplicas each record is a batch.
func (s *Store) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return func(yield func(store.ID, error) bool) {
		entries, err := s.entries(ctx, subject)
		entries = slices.DeleteFunc(entries, func(e entry) bool { return e.id == spare })
		batch := store.MaxBatch
		if s.opts.WaitReplicas > 0 {
			batch = 1 // each may take as long as an operation may
		}
		for some := range slices.Chunk(entries, batch) {
			var outcomes []outcome
			outcomes, err = s.deleteOf(ctx, subject, some)
			for _, o := range outcomes {
				if !yield(o.id, o.err) {
					return
				}
			}
			if err != nil {
				break
			}
		}
		if err != nil {
			yield(store.ID{}, err)
		}
	}
}

// entries reads the index of a subject, ordered by ID.
//
// It is read in pages, by score. An entry that is added again meanwhile moves to a
// later end, or stays at its end with another minute. So each page begins with the
// end that the one before has come to: nothing is missed, and what is found twice
// is dropped.
func (s *Store) entries(ctx context.Context, subject string) ([]entry, error) {
	const page = 1024
	var entries []entry
	for from, limit := int64(0), int64(page); ; {
		scores, err := s.page(ctx, subject, from, limit)
		if err != nil || subject == "" {
			return nil, err
		}
		for _, z := range scores {
			if id, err := store.ParseID(z.Member); err == nil {
				entries = append(entries, entry{id, z.Score})
			}
		}
		if int64(len(scores)) < limit {
			break
		}
		if end := int64(scores[len(scores)-1].Score) / minutes * minutes; end > from {
			from, limit = end, page
		} else {
			limit *= 2 // so many have the same end
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.id[:], b.id[:]) })
	return slices.CompactFunc(entries, func(a, b entry) bool { return a.id == b.id }), nil
}

// page reads so many entries from a score on.
func (s *Store) page(ctx context.Context, subject string, from, limit int64) ([]rueidis.ZScore, error) {
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	if subject == "" {
		return nil, nil
	}
	return s.client.Do(ctx, s.client.B().Zrange().Key(s.subjectKey(subject)).
		Min(strconv.FormatInt(from, 10)).Max("+inf").Byscore().
		Limit(0, limit).Withscores().Build()).AsZScores()
}

// load loads the records of these entries that are the subject's, and forgets
// the entries that have none.
func (s *Store) load(ctx context.Context, subject string, entries []entry) ([]store.Record, error) {
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	cmds := make(rueidis.Commands, len(entries))
	for i, e := range entries {
		cmds[i] = s.client.B().Get().Key(s.recordKey(e.id)).Build()
	}
	results := s.client.DoMulti(ctx, cmds...)
	now := time.Now()
	var records []store.Record
	var dead []entry
	for i, result := range results {
		r, err := parseRecord(entries[i].id, now, result)
		switch {
		case err == nil && r.Subject == subject:
			records = append(records, r)
		case err == nil || errors.Is(err, store.ErrNotFound):
			dead = append(dead, entries[i])
		default:
			return records, err
		}
	}
	s.forget(ctx, subject, dead)
	return records, nil
}

// forget removes entries that have no record, and have had the time to get one.
// What stays costs the next List a little more, and is no error.
func (s *Store) forget(ctx context.Context, subject string, dead []entry) {
	now := time.Now()
	var args []string
	for _, e := range dead {
		if e.settled(now) {
			args = append(args, e.id.String(), strconv.FormatFloat(e.score, 'f', 0, 64))
		}
	}
	if len(args) > 0 {
		_ = s.run(ctx, forgetScript, s.subjectKey(subject), args...).Error()
	}
}

// An outcome is what became of a record that was to be deleted.
type outcome struct {
	id  store.ID
	err error
}

// deleteOf deletes the records of these entries that are the subject's, and
// returns those that were live, or whose removal failed.
func (s *Store) deleteOf(ctx context.Context, subject string, entries []entry) ([]outcome, error) {
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	began := time.Now()
	var outcomes []outcome
	var gone []string
	var dead []entry
	for i, result := range s.runEach(ctx, deleteOfScript, entries, millis(began), subject, waits(s.opts)) {
		id := entries[i].id
		s.own.wrote(id, store.Record{}, began)
		answer, err := result.AsInt64()
		switch {
		case err != nil && ctx.Err() != nil && !errors.Is(err, store.ErrUnconfirmed): // told once, for all
		case err != nil:
			outcomes = append(outcomes, outcome{id, err})
		case answer == written:
			outcomes = append(outcomes, outcome{id, nil})
			gone = append(gone, id.String())
		default:
			dead = append(dead, entries[i])
		}
	}
	if len(gone) > 0 {
		// The records are gone; List looks, and forgets entries that stay.
		_ = s.client.Do(ctx, s.client.B().Zrem().Key(s.subjectKey(subject)).Member(gone...).Build()).Error()
	}
	s.forget(ctx, subject, dead)
	return outcomes, ctx.Err()
}

// runEach runs a script on the record of each entry, in one round trip unless
// replicas have to acknowledge it.
func (s *Store) runEach(ctx context.Context, sc script, entries []entry, args ...string) []rueidis.RedisResult {
	results := make([]rueidis.RedisResult, len(entries))
	if s.opts.WaitReplicas > 0 {
		for i, e := range entries {
			results[i] = s.runWait(ctx, sc, s.recordKey(e.id), slices.Clone(args)...)
		}
		return results
	}
	cmds := make(rueidis.Commands, len(entries))
	for i, e := range entries {
		cmds[i] = s.call(sc, s.recordKey(e.id), append(slices.Clone(args), "0"))
	}
	copy(results, s.client.DoMulti(ctx, cmds...))
	for i, e := range entries {
		if _, answered := rueidis.IsRedisErr(results[i].Error()); answered { // it may not know the script
			results[i] = s.run(ctx, sc, s.recordKey(e.id), slices.Clone(args)...)
		} else if results[i].Error() != nil && ctx.Err() == nil && !s.closed.Load() {
			results[i] = sc.lua.Exec(ctx, s.client, []string{s.recordKey(e.id)}, append(slices.Clone(args), "1"))
		}
	}
	return results
}

// waits is how a script is told whether WAIT follows.
func waits(opts Options) string {
	if opts.WaitReplicas > 0 {
		return "1"
	}
	return "0"
}
