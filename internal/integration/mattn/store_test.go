// Package mattn runs the SQLite store over the driver in C. It is a package of
// its own because two SQLites in one process undo each other's file locks.
package mattn

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"github.com/b4468f51/session/store"
	_ "github.com/b4468f51/session/store/sqlstore"
	"github.com/b4468f51/session/store/storetest"
)

func open(t *testing.T, url string) store.Store {
	t.Helper()
	s, err := store.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close(s) })
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, "sqlite:"+filepath.Join(t.TempDir(), "app.db"))
	})
}

func TestSynchronous(t *testing.T) {
	open(t, "sqlite:"+filepath.Join(t.TempDir(), "a b%3F.db")+"?synchronous=normal")
}

func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	expires := time.Now().Add(time.Hour)
	var wg sync.WaitGroup
	for i := range 4 {
		s := open(t, "sqlite:"+path)
		for j := range 32 {
			wg.Go(func() {
				rec := store.Record{ID: store.ID{byte(i), byte(j), 1}, Version: 1, Expires: expires}
				if err := s.Create(t.Context(), rec); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
}

// The text that tells a lock is the same from this driver.
func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	s := open(t, "sqlite:"+path)
	db, err := sql.Open("sqlite3", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.Delete(ctx, store.ID{1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Delete: %v, want the context's error", err)
	}
}
