package integration

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// openDB opens a file as another application would.
func openDB(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Each operation is one statement, and no transaction is begun.
func TestSQLiteOneStatement(t *testing.T) {
	s, d := watchedStore(t, filepath.Join(t.TempDir(), "app.db"))
	oneStatement(t, s, d)
}

// No operation reads the whole table.
func TestSQLiteUsesIndexes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	s, d := watchedStore(t, path)
	db := openDB(t, path)
	ctx := t.Context()
	r := newRecord(1)
	var queries []string
	d.tell(func(query string) { queries = append(queries, query) })
	s.Create(ctx, r)
	s.Load(ctx, r.ID)
	s.Save(ctx, r, 1)
	s.Touch(ctx, r.ID, 1, r.Seen, r.Expires)
	collect(s.List(ctx, r.Subject))
	collect(s.DeleteSubject(ctx, r.Subject, store.ID{}))
	s.GC(ctx)
	s.Delete(ctx, r.ID)
	d.tell(nil)
	if len(queries) != 9 {
		t.Fatalf("%d queries, want 9", len(queries))
	}
	for _, query := range queries {
		args := make([]any, strings.Count(query, "?"))
		rows, err := db.Query("EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		for _, step := range plan {
			if strings.HasPrefix(step, "SCAN") || strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s\nreads more than it needs: %q", query, plan)
			}
		}
	}
}

// A touch writes the same few pages however large the data is.
func TestSQLiteTouchWritesNoData(t *testing.T) {
	const touches, frame = 10, 4096 + 24
	for _, size := range []int{0, 1 << 10, 1 << 16, store.MaxData} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.db")
			s := openStore(t, "sqlite:"+path)
			r := newRecord(size)
			if err := s.Create(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			for range 20 { // a table of one row is no table
				if err := s.Create(t.Context(), newRecord(1<<10)); err != nil {
					t.Fatal(err)
				}
			}
			// From an empty log on, its length is what was written.
			var busy, a, b int
			err := openDB(t, path).QueryRow("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &a, &b)
			if err != nil || busy != 0 {
				t.Fatalf("checkpoint: %v, busy %d", err, busy)
			}
			for i := range touches {
				by := time.Duration(i+1) * time.Minute
				if err := s.Touch(t.Context(), r.ID, r.Version, r.Seen.Add(by), r.Expires.Add(by)); err != nil {
					t.Fatal(err)
				}
			}
			info, err := os.Stat(path + "-wal")
			if err != nil {
				t.Fatal(err)
			}
			pages := float64(info.Size()-32) / frame / touches
			t.Logf("%d bytes of data: a touch writes %.1f pages", size, pages)
			if pages < 1 || pages > 4 {
				t.Errorf("a touch of %d bytes of data writes %.1f pages, want at most 4", size, pages)
			}
			got, err := s.Load(t.Context(), r.ID)
			if want := r.Expires.Add(touches * time.Minute); err != nil || !got.Expires.Equal(want) {
				t.Errorf("after the touches: expires %v, %v; want %v", got.Expires, err, want)
			}
		})
	}
}

func TestSQLiteTableNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	for _, name := range []string{"sessions", `a"b`, `"`, "a;b--", "select", "it's [here] `now`", "été.v2"} {
		s, err := sqlstore.New(openDB(t, path), sqlstore.SQLite, sqlstore.Options{Table: name})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatalf("table %q: Migrate: %v", name, err)
			}
		}
		r := newRecord(10)
		if err := s.Create(t.Context(), r); err != nil {
			t.Errorf("table %q: Create: %v", name, err)
		}
		// Each table has its own.
		if found, err := collect(s.List(t.Context(), r.Subject)); err != nil || len(found) != 1 {
			t.Errorf("table %q: List = %d records, %v; want 1", name, len(found), err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("table %q: Close: %v", name, err)
		}
	}
}

// The exported schema is what Migrate makes.
func TestSQLiteSchema(t *testing.T) {
	schema, err := sqlstore.Schema(sqlstore.SQLite, `a"b`)
	if err != nil {
		t.Fatal(err)
	}
	db := openDB(t, filepath.Join(t.TempDir(), "app.db"))
	if _, err := db.Exec(schema); err != nil {
		t.Fatal(err)
	}
	s, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{Table: `a"b`})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Create(t.Context(), newRecord(10)); err != nil {
		t.Error(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Errorf("Migrate over the schema: %v", err)
	}
}

func TestSQLiteForeignTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	if _, err := openDB(t, path).Exec("CREATE TABLE sessions (token TEXT PRIMARY KEY, subject TEXT, expires REAL)"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open("sqlite:" + path); err == nil || !strings.Contains(err.Error(), "not a table of sessions") {
		t.Errorf("Open over another application's table: %v", err)
	}
}

// A Store goes on after the table was away.
func TestSQLiteRecovers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	s := openStore(t, "sqlite:"+path).(*sqlstore.Store)
	if err := s.Create(t.Context(), newRecord(10)); err != nil {
		t.Fatal(err)
	}
	if _, err := openDB(t, path).Exec("DROP TABLE sessions"); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), newRecord(10)); err == nil {
		t.Error("Create without a table: no error")
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping without a table: no error")
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Create(t.Context(), newRecord(10)), s.Ping(t.Context())); err != nil {
		t.Errorf("after the table came back: %v", err)
	}
}

// A database that cannot be written is an error, not an answer.
func TestSQLiteCannotWrite(t *testing.T) {
	for _, c := range []struct{ name, dsn, says string }{
		{"full", "?_pragma=max_page_count(8)", "full"},
		{"read-only", "?mode=ro", "readonly"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.db")
			r := newRecord(10)
			if err := openStore(t, "sqlite:"+path).Create(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", "file:"+path+c.dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			s, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			big := newRecord(store.MaxData)
			big.ID = r.ID
			for name, err := range map[string]error{
				"Create": s.Create(t.Context(), newRecord(store.MaxData)),
				"Save":   s.Save(t.Context(), big, r.Version),
			} {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: %v, want an error that says %s", name, err, c.says)
				}
			}
			if got, err := s.Load(t.Context(), r.ID); err != nil || got.Version != r.Version {
				t.Errorf("Load: version %d, %v; want the record as it was", got.Version, err)
			}
		})
	}
}

func TestSQLiteOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{
		"sqlite:" + filepath.Join(dir, "missing", "app.db"),
		"sqlite:" + dir,
		"sqlite:" + text,
		"sqlite::memory:",
	} {
		if s, err := store.Open(url); err == nil {
			store.Close(s)
			t.Errorf("Open(%q): no error", url)
		} else {
			t.Log(err)
		}
	}
}

func TestSQLiteFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	s := openStore(t, "sqlite:100%25 of%3F.db?synchronous=normal")
	// Connections that are opened later find the same file.
	t.Chdir(t.TempDir())
	for range 8 {
		if err := s.Create(t.Context(), newRecord(10)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"100% of?.db", "100% of?.db-wal"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %o, want 600", name, got)
		}
	}
}
