package memstore_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// TestGCExact checks the millisecond from which GC takes a record, whether it
// was moved by Touch or not.
func TestGCExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, s := t.Context(), memstore.New()
		// More than a batch in one shard, and some in every other.
		const n, touched = 3000, 1000
		for i := range uint64(n) {
			r := record(i, "ada")
			if i%2 == 0 {
				r.ID[0] = 0
			}
			if err := s.Create(ctx, r); err != nil {
				t.Fatal(err)
			}
			if i < touched {
				if err := s.Touch(ctx, r.ID, r.Version, r.Seen, r.Expires.Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, step := range []struct {
			wait time.Duration
			want int
		}{
			{time.Hour + store.GCDelay - time.Millisecond, 0},
			{time.Millisecond, n - touched},
			{time.Minute - time.Millisecond, 0},
			{time.Millisecond, touched},
			{24 * time.Hour, 0},
		} {
			time.Sleep(step.wait)
			if got, err := s.GC(ctx); got != step.want || err != nil {
				t.Errorf("GC removed %d records (error %v), want %d", got, err, step.want)
			}
		}
	})
}

// TestGCStops checks that GC stops between two batches, and goes on where it
// stopped.
func TestGCStops(t *testing.T) {
	s := memstore.New()
	const n = 2000
	for i := range uint64(n) {
		r := record(i, "")
		r.ID[0] = 0 // one shard
		r.Expires = r.Expires.Add(-2 * time.Hour)
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for left := n; left > 0; {
		got, err := s.GC(&endingContext{Context: t.Context(), left: 2})
		if !errors.Is(err, context.Canceled) || got == 0 || got > n/2 {
			t.Fatalf("GC removed %d records and returned %v", got, err)
		}
		left -= got
	}
	if got, err := s.GC(t.Context()); got != 0 || err != nil {
		t.Errorf("in the end, GC removed %d records (error %v), want none", got, err)
	}
}

// An endingContext is done when it was asked so many times.
type endingContext struct {
	context.Context
	left int
}

func (c *endingContext) Err() error {
	if c.left == 0 {
		return context.Canceled
	}
	c.left--
	return nil
}

// TestGCBatch checks how much GC does before it asks its context again.
func TestGCBatch(t *testing.T) {
	s := memstore.New()
	for i := range uint64(2000) {
		r := record(i, "")
		r.ID[0] = 0
		r.Expires = r.Expires.Add(-2 * time.Hour)
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.GC(&endingContext{Context: t.Context(), left: 1})
	if !errors.Is(err, context.Canceled) || got == 0 || got > 32 {
		t.Errorf("a batch removed %d records (error %v)", got, err)
	}
}
