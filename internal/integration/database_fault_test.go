package integration

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
)

// A Store goes on after its server was killed: what was acknowledged is there,
// and no answer in between is taken for one about the data.
func TestDatabasesServerKilled(t *testing.T) {
	for _, c := range []struct {
		name    string
		program testserver.Program
		url     func(*testserver.Server) string
	}{
		{"postgres", testserver.Postgres, postgresOf},
		{"mysql", testserver.MariaDB, mysqlOf},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := testserver.Start(t, c.program)
			s := openStore(t, c.url(server))
			r := newRecord(100)
			if err := s.Create(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			fillPool(t, s, r.ID)

			server.Kill()
			for range 30 {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				_, err := s.Load(ctx, r.ID)
				if err == nil || isAnswer(err) {
					t.Errorf("Load from a server that was killed: %v", err)
				}
				if err := s.Save(ctx, r, r.Version); err == nil || isAnswer(err) {
					t.Errorf("Save to a server that was killed: %v", err)
				}
				if err := s.Create(ctx, newRecord(1)); err == nil || isAnswer(err) {
					t.Errorf("Create on a server that was killed: %v", err)
				}
				cancel()
			}
			server.Restart(t)
			fillPool(t, s, r.ID) // each is answered: no connection from before is left

			// Killed while connections stand in the pool, and back before anybody
			// uses them.
			server.Restart(t)
			failed := 0
			for ; ; failed++ {
				_, err := s.Load(t.Context(), r.ID)
				if err == nil {
					break
				}
				if isAnswer(err) || failed > 30 {
					t.Fatalf("Load after the server came back: %v", err)
				}
			}
			t.Logf("%d operations failed once the server was back", failed)
			if err := s.Delete(t.Context(), r.ID); err != nil {
				t.Error(err)
			}

			// A server that hangs holds nobody longer than the context.
			server.Freeze()
			defer server.Thaw()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			start := time.Now()
			if _, err := s.Load(ctx, r.ID); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Load from a server that hangs: %v, want the context's error", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("Load from a server that hangs took %v", took)
			}
			server.Thaw()
			fillPool(t, s, r.ID)
		})
	}
}

// isAnswer tells whether an error says something about a record.
func isAnswer(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict)
}

// fillPool has a Store open many connections.
func fillPool(t *testing.T, s store.Store, id store.ID) {
	t.Helper()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := s.Load(t.Context(), id); err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Load: %v", err)
			}
		})
	}
	wg.Wait()
}
