package integration

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// Many goroutines of several Stores write one file, none of them fails, and
// none waits for as long as it would take to time out.
func TestSQLiteManyWriters(t *testing.T) {
	const stores, writers, rounds = 4, 64, 4
	path := filepath.Join(t.TempDir(), "app.db")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var slowest time.Duration
	timed := func(op func() error) error {
		start := time.Now()
		err := op()
		mu.Lock()
		defer mu.Unlock()
		slowest = max(slowest, time.Since(start))
		return err
	}
	for range stores {
		s := openStore(t, "sqlite:"+path)
		for range writers {
			wg.Go(func() {
				r := newRecord(500)
				if err := timed(func() error { return s.Create(t.Context(), r) }); err != nil {
					t.Errorf("Create: %v", err)
					return
				}
				for range rounds {
					n := newRecord(500)
					n.ID, n.Created = r.ID, r.Created
					if err := timed(func() error { return s.Save(t.Context(), n, r.Version) }); err != nil {
						t.Errorf("Save: %v", err)
						return
					}
					r = n
					if got, err := s.Load(t.Context(), r.ID); err != nil || got.Version != r.Version {
						t.Errorf("Load: version %d, %v; want %d", got.Version, err, r.Version)
					}
				}
			})
		}
	}
	wg.Wait()
	t.Logf("%d writes, the slowest took %v", stores*writers*(rounds+1), slowest)
}

// holdLock has another application begin to write. It ends with release.
func holdLock(t *testing.T, path string) (release func()) {
	t.Helper()
	c, err := openDB(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if _, err := c.ExecContext(context.WithoutCancel(t.Context()), "COMMIT"); err != nil {
			t.Error(err)
		}
		c.Close()
	})
}

// While another application writes, readers go on, writers wait, and a
// context ends their wait with nothing written.
func TestSQLiteLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	s := openStore(t, "sqlite:"+path)
	r := newRecord(10)
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	release := holdLock(t, path)
	defer release()

	if _, err := s.Load(t.Context(), r.ID); err != nil {
		t.Errorf("Load: %v", err)
	}
	if _, err := collect(store.List(t.Context(), s, r.Subject)); err != nil {
		t.Errorf("List: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := s.Delete(short, r.ID); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Delete: %v, want the context's error", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("Delete with a context of 300ms took %v", took)
	}
	if _, err := s.Load(t.Context(), r.ID); err != nil {
		t.Errorf("Load after a Delete that timed out: %v", err)
	}

	deleted := make(chan error, 1)
	go func() { deleted <- s.Delete(t.Context(), r.ID) }()
	release()
	if err := <-deleted; err != nil {
		t.Errorf("Delete after the lock was gone: %v", err)
	}
	if _, err := s.Load(t.Context(), r.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Load: %v, want ErrNotFound", err)
	}
}

func TestSQLiteBusyTimeout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	s := openStore(t, "sqlite:"+path+"?busy_timeout=200ms")
	defer holdLock(t, path)()
	start := time.Now()
	err := s.Create(t.Context(), newRecord(10))
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Create: %v, want SQLite's error", err)
	}
	if took := time.Since(start); took < 200*time.Millisecond || took > 5*time.Second {
		t.Errorf("Create gave up after %v, want about 200ms", took)
	}
}

// GC works in batches, and lets go of the database between them.
func TestSQLiteGCBatches(t *testing.T) {
	const batch, garbage = 500, 1100
	path := filepath.Join(t.TempDir(), "app.db")
	s, d := watchedStore(t, path)
	fill(t, path, garbage)
	other := openStore(t, "sqlite:"+path)
	live := newRecord(10)
	if err := other.Create(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	batches, left := 0, []int{}
	db := openDB(t, path)
	d.tell(func(query string) {
		batches++
		// Another gets in before each batch, the first included.
		if err := other.Create(t.Context(), newRecord(10)); err != nil {
			t.Errorf("Create before batch %d: %v", batches, err)
		}
		var n int
		if err := db.QueryRow("SELECT count(*) FROM sessions WHERE expires < ?", time.Now().UnixMilli()).Scan(&n); err != nil {
			t.Error(err)
		}
		left = append(left, n)
	})
	n, err := s.GC(t.Context())
	d.tell(nil)
	if n != garbage || err != nil {
		t.Errorf("GC = %d, %v; want %d", n, err, garbage)
	}
	if got, want := fmt.Sprint(left), fmt.Sprint([]int{garbage, garbage - batch, garbage - 2*batch}); got != want {
		t.Errorf("garbage left before each batch: %s, want %s", got, want)
	}
	if _, err := s.Load(t.Context(), live.ID); err != nil {
		t.Errorf("Load of a live record after GC: %v", err)
	}
}

// fill adds records that expired long ago.
func fill(t *testing.T, path string, n int) {
	t.Helper()
	tx, err := openDB(t, path).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for range n {
		r := expired(newRecord(100))
		_, err := tx.Exec("INSERT INTO sessions (id, version, created, seen, expires, deadline, subject, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			r.ID[:], int64(r.Version), r.Created.UnixMilli(), r.Seen.UnixMilli(), r.Expires.UnixMilli(), r.Deadline.UnixMilli(), r.Subject, r.Data)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// Several that start at once on a new file all find the table.
func TestSQLiteMigrateTogether(t *testing.T) {
	for range 5 {
		path := filepath.Join(t.TempDir(), "app.db")
		start := make(chan struct{})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				<-start
				s, err := store.Open("sqlite:" + path)
				if err != nil {
					t.Error(err)
					return
				}
				defer store.Close(s)
				if err := s.Create(t.Context(), newRecord(10)); err != nil {
					t.Error(err)
				}
				if err := s.(*sqlstore.Store).Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
	}
}
