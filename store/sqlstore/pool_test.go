package sqlstore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/store"
)

// The application has the only connection: the store says what it waits for.
func TestAFullPoolIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := fakeStore(t, func(string) (int64, error) { return 1, nil }, Options{})
		s.db.SetMaxOpenConns(1)
		own, err := s.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ops := map[string]func(ctx context.Context) error{
			"Load":   func(ctx context.Context) error { _, err := s.Load(ctx, store.ID{1}); return err },
			"Create": func(ctx context.Context) error { return s.Create(ctx, store.Record{ID: store.ID{1}}) },
			"Ping":   s.Ping,
		}
		for name, op := range ops {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if err := op(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "SetMaxOpenConns") {
				t.Errorf("%s: %v, want an error of the deadline that names the pool", name, err)
			}
			cancel()
		}
		// A writer that waits for another, which waits for the connection.
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		failed := make(chan error, 2)
		for range 2 {
			go func() { failed <- s.Delete(ctx, store.ID{1}) }()
		}
		for range 2 {
			if err := <-failed; !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "SetMaxOpenConns") {
				t.Errorf("of two writers: %v", err)
			}
		}
		if err := own.Close(); err != nil {
			t.Fatal(err)
		}
		for name, op := range ops {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := op(ctx); err == nil || strings.Contains(err.Error(), "SetMaxOpenConns") {
				t.Errorf("%s with a free connection: %v", name, err)
			}
		}
		s.Close()
		s.db.Close()
	})
}
