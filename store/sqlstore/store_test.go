package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

func TestNewRefuses(t *testing.T) {
	db := sql.OpenDB(&fakeDriver{exec: func(string) (int64, error) {
		t.Error("New talked to the database")
		return 0, nil
	}})
	defer db.Close()
	for _, c := range []struct {
		name string
		db   *sql.DB
		d    Dialect
		opts Options
		says string // "" for no error
	}{
		{"zero Options", db, SQLite, Options{}, ""},
		{"no database", nil, SQLite, Options{}, "nil *sql.DB"},
		{"no dialect", db, 0, Options{}, "unknown dialect Dialect(0)"},
		{"a table with NUL", db, SQLite, Options{Table: "a\x00"}, "NUL"},
		{"a negative timeout", db, SQLite, Options{BusyTimeout: -1}, "BusyTimeout"},
	} {
		_, err := New(c.db, c.d, c.opts)
		if (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("New with %s: error %v, want %q", c.name, err, c.says)
		}
	}
}

// each calls every operation of a store.
func each(ctx context.Context, s *Store) map[string]error {
	errs := map[string]error{}
	_, errs["Load"] = s.Load(ctx, store.ID{1})
	errs["Create"] = s.Create(ctx, store.Record{ID: store.ID{1}})
	errs["Save"] = s.Save(ctx, store.Record{ID: store.ID{1}}, 1)
	errs["Touch"] = s.Touch(ctx, store.ID{1}, 1, time.Now(), time.Now())
	errs["Delete"] = s.Delete(ctx, store.ID{1})
	for _, err := range s.List(ctx, "alice") {
		errs["List"] = err
	}
	for _, err := range s.List(ctx, "") {
		errs["List of nobody"] = err
	}
	for _, err := range s.DeleteSubject(ctx, "alice", store.ID{}) {
		errs["DeleteSubject"] = err
	}
	_, errs["GC"] = s.GC(ctx)
	errs["Ping"] = s.Ping(ctx)
	errs["Migrate"] = s.Migrate(ctx)
	return errs
}

func TestContextDone(t *testing.T) {
	s, _ := fakeStore(t, func(query string) (int64, error) {
		t.Errorf("the database was asked %q", query)
		return 1, nil
	}, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range each(ctx, s) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the context's error", name, err)
		}
	}
}

func TestErrorsAreRaw(t *testing.T) {
	broken := errors.New("the disk is on fire")
	s, _ := fakeStore(t, func(string) (int64, error) { return 0, broken }, Options{})
	for name, err := range each(t.Context(), s) {
		if name == "List of nobody" {
			continue // no need to ask
		}
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v, want the driver's error", name, err)
		}
		for _, answer := range []error{store.ErrNotFound, store.ErrExists, store.ErrConflict} {
			if errors.Is(err, answer) {
				t.Errorf("%s takes a failure for %v", name, answer)
			}
		}
	}
}

func TestStatementsArePreparedOnce(t *testing.T) {
	s, d := fakeStore(t, func(string) (int64, error) { return 1, nil }, Options{})
	for range 3 {
		if err := s.Delete(t.Context(), store.ID{1}); err != nil {
			t.Fatal(err)
		}
		if err := s.Touch(t.Context(), store.ID{1}, 1, time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.prepared.Load(); n != 2 {
		t.Errorf("2 queries were prepared %d times", n)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if n := d.closed.Load(); n != 2 {
		t.Errorf("Close closed %d statements, want 2", n)
	}
	for name, err := range each(t.Context(), s) {
		if name != "List of nobody" && name != "Migrate" && !errors.Is(err, errClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if err := s.db.PingContext(t.Context()); err != nil {
		t.Errorf("Close closed a database that was the caller's: %v", err)
	}
}
