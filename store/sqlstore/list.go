package sqlstore

import (
	"context"
	"database/sql"
	"iter"
	"slices"
	"time"

	"github.com/b4468f51/session/store"
)

// List yields the live records of a subject, in the order of their IDs, by way
// of an index. It is one statement for each [store.MaxBatch] of them. See the example of
// [Store.DeleteSubject].
func (s *Store) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		err := eachBatch(ctx, s, batchQuery[store.Record]{
			query: s.queries.list,
			scan:  scan,
			id:    func(r store.Record) store.ID { return r.ID },
		}, subject, func(records []store.Record) (bool, error) {
			for _, r := range records {
				if !yield(r, nil) {
					return false, nil
				}
			}
			return true, nil
		})
		if err != nil {
			yield(store.Record{}, err)
		}
	}
}

// DeleteSubject deletes the live records of a subject but for one, and yields
// their IDs. It is two or three statements for each [store.MaxBatch] of them.
func (s *Store) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return func(yield func(store.ID, error) bool) {
		err := eachBatch(ctx, s, batchQuery[entry]{
			query: s.queries.ids,
			scan:  scanEntry,
			id:    func(e entry) store.ID { return e.id },
			// Where the clock is behind, another machine may still use them.
			expired: store.GCDelay,
		}, subject, func(entries []entry) (bool, error) {
			deleted, err := s.deleteEntries(ctx, subject, spare, entries)
			for _, id := range deleted {
				if !yield(id, nil) {
					return false, nil
				}
			}
			return err == nil, err
		})
		if err != nil {
			yield(store.ID{}, err)
		}
	}
}

// A batchQuery asks for rows of a subject in the order of their IDs.
type batchQuery[T any] struct {
	query   string
	scan    func(*sql.Rows) (T, error)
	id      func(T) store.ID
	expired time.Duration // how long ago those may have that are asked for too
}

// eachBatch calls f with the rows of one batch after the other until it returns
// false or an error. No connection is held meanwhile.
func eachBatch[T any](ctx context.Context, s *Store, q batchQuery[T], subject string, f func([]T) (bool, error)) error {
	if subject == "" {
		return ctx.Err()
	}
	for after := []byte{}; ; {
		rows, err := queryRows(ctx, s, q.query, func(now int64) []any {
			return []any{subject, after, now - q.expired.Milliseconds(), store.MaxBatch}
		}, q.scan)
		if err != nil || len(rows) == 0 {
			return err
		}
		last := q.id(rows[len(rows)-1])
		after = last[:]
		if on, err := f(rows); !on || err != nil || len(rows) < store.MaxBatch {
			return err
		}
	}
}

// An entry is what the index of subjects knows of a record, and when it expires.
type entry struct {
	id      store.ID
	expires int64
}

func scanEntry(rows *sql.Rows) (e entry, err error) {
	var id sql.RawBytes
	if err := rows.Scan(&id, &e.expires); err != nil {
		return e, err
	}
	e.id, err = parseID(id)
	return e, err
}

// deleteEntries deletes records of a subject, a batch at most, and returns the
// IDs of those that were live. Not every database tells which rows it has
// deleted, but how many: that is all of them, unless somebody else has deleted
// or moved one meanwhile.
func (s *Store) deleteEntries(ctx context.Context, subject string, spare store.ID, entries []entry) ([]store.ID, error) {
	var ids, live []store.ID
	now := time.Now().UnixMilli()
	for _, e := range entries {
		if e.id == spare {
			continue
		}
		ids = append(ids, e.id)
		if e.expires > now {
			live = append(live, e.id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	args := idArgs(ids)
	n, err := s.exec(ctx, s.queries.deleteIDs, func(int64) []any { return append([]any{subject}, args...) })
	if err != nil {
		return nil, err
	}
	if n == int64(len(ids)) {
		return live, nil
	}
	there, err := queryRows(ctx, s, s.queries.remaining, func(int64) []any { return args }, func(rows *sql.Rows) (store.ID, error) {
		var id sql.RawBytes
		if err := rows.Scan(&id); err != nil {
			return store.ID{}, err
		}
		return parseID(id)
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(live, func(id store.ID) bool { return slices.Contains(there, id) }), nil
}

// LoadAll returns the live records of these IDs. It is one statement.
func (s *Store) LoadAll(ctx context.Context, ids []store.ID) ([]store.Record, error) {
	if len(ids) == 0 {
		return nil, ctx.Err()
	}
	return s.query(ctx, s.queries.loadIDs, func(now int64) []any { return append([]any{now}, idArgs(ids)...) })
}

// idArgs returns as many arguments as a statement over a batch of IDs has: their number is always
// the same.
func idArgs(ids []store.ID) []any {
	args := make([]any, store.MaxBatch)
	for i := range args {
		args[i] = ids[i%len(ids)][:]
	}
	return args
}
