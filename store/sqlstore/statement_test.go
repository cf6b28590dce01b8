package sqlstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/store"
)

var errBusy = errors.New("database is locked (5) (SQLITE_BUSY)")

func TestBusyIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s, _ := fakeStore(t, func(string) (int64, error) {
			if time.Since(start) < 3*time.Second {
				return 0, errBusy
			}
			return 1, nil
		}, Options{BusyTimeout: 4 * time.Second})
		if err := s.Delete(t.Context(), store.ID{1}); err != nil {
			t.Errorf("Delete where another let go after 3 of 4 seconds: %v", err)
		}
		if waited := time.Since(start); waited > 3*time.Second+50*time.Millisecond {
			t.Errorf("Delete came only %v after the other let go", waited-3*time.Second)
		}
	})
}

func TestBusyTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := fakeStore(t, func(string) (int64, error) { return 0, errBusy }, Options{BusyTimeout: 2 * time.Second})
		start := time.Now()
		if _, err := s.Load(t.Context(), store.ID{1}); !errors.Is(err, errBusy) {
			t.Errorf("Load: %v, want the driver's error", err)
		}
		if took := time.Since(start); took < 2*time.Second || took > 2100*time.Millisecond {
			t.Errorf("Load gave up after %v, want 2s", took)
		}
	})
}

func TestContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := fakeStore(t, func(string) (int64, error) { return 0, errBusy }, Options{})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 3 { // one waits for the database, two for the first
			wg.Go(func() {
				err := s.Delete(ctx, store.ID{1})
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Delete: %v, want the context's error", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v, want the context's 1s", took)
		}
	})
}

func TestWritersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		writing, reading, together := 0, 0, 0
		s, _ := fakeStore(t, func(query string) (int64, error) {
			count := &writing
			if strings.HasPrefix(query, "SELECT") {
				count = &reading
			}
			mu.Lock()
			*count++
			if writing > 1 {
				t.Error("two writers at once")
			}
			together = max(together, reading)
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			*count--
			mu.Unlock()
			return 1, nil
		}, Options{})
		// Of a statement that several prepare at once, all but one are closed, which waits
		// for their connections: no virtual time passes while a lock is waited for.
		s.Delete(t.Context(), store.ID{1})
		s.Load(t.Context(), store.ID{1})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { s.Delete(t.Context(), store.ID{1}) })
			wg.Go(func() { s.Load(t.Context(), store.ID{1}) })
		}
		wg.Wait()
		if together != 8 {
			t.Errorf("%d of 8 read at once", together)
		}
	})
}

// GC lets a writer in that has waited during a batch, and stops with its
// context between two.
func TestGCMakesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var s *Store
		var order []string
		batches := 0
		s, _ = fakeStore(t, func(query string) (int64, error) {
			if query == s.queries.touch {
				order = append(order, "touch")
				return 1, nil
			}
			order = append(order, "gc")
			time.Sleep(20 * time.Millisecond)
			batches++
			switch batches {
			case 1:
				go s.Touch(t.Context(), store.ID{1}, 1, time.Now(), time.Now())
				synctest.Wait() // it stands in the queue
			case 3:
				cancel()
			}
			return gcBatch, nil
		}, Options{})
		start := time.Now()
		n, err := s.GC(ctx)
		if n != 3*gcBatch || !errors.Is(err, context.Canceled) {
			t.Errorf("GC = %d, %v; want %d and the context's error", n, err, 3*gcBatch)
		}
		if want := []string{"gc", "touch", "gc", "gc"}; !slices.Equal(order, want) {
			t.Errorf("the order was %v, want %v", order, want)
		}
		if took, want := time.Since(start), 5*20*time.Millisecond; took != want {
			t.Errorf("GC took %v, want %v: it rests as long as it works", took, want)
		}
	})
}
