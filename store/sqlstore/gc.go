package sqlstore

import (
	"context"
	"time"

	"github.com/b4468f51/session/store"
)

const (
	// gcBatch is how many records one statement of GC deletes at most.
	gcBatch = 500

	// gcPause is the longest rest between two batches.
	gcPause = 100 * time.Millisecond
)

// GC deletes what expired at least [store.GCDelay] ago, at most 500 records a
// statement, and rests after each as long as it took, up to 100 milliseconds:
// writers of this process and of others get in between.
func (s *Store) GC(ctx context.Context) (int, error) {
	until := time.Now().Add(-store.GCDelay).UnixMilli()
	for total := 0; ; {
		start := time.Now()
		deleted, seen, err := s.collect(ctx, until)
		total += deleted
		if err != nil || seen < gcBatch {
			return total, err
		}
		if err := wait(ctx, min(time.Since(start), gcPause)); err != nil {
			return total, err
		}
	}
}

// collect runs one batch. It returns how many records were deleted, and how
// many were looked at.
func (s *Store) collect(ctx context.Context, until int64) (deleted, seen int, err error) {
	if !s.queries.gcCounts {
		n, err := s.exec(ctx, s.queries.gc, func(int64) []any { return []any{until, gcBatch} })
		return int(n), int(n), err
	}
	err = s.exclusive(ctx, func() error {
		return s.queryRow(ctx, s.queries.gc, []any{until, gcBatch}, &deleted, &seen)
	})
	return deleted, seen, err
}
