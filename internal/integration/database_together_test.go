package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// Processes that start at once on an empty database all find the table.
func TestDatabasesMigrateTogether(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			for range 5 {
				db := openSQL(t, d.driver, d.dsn(t))
				opts := sqlstore.Options{Table: newTable(t, db), Unprepared: d.unprepared}
				start := make(chan struct{})
				var wg sync.WaitGroup
				for range 10 {
					db := openSQL(t, d.driver, d.dsn(t)) // as in a process of its own
					if err := db.Ping(); err != nil {
						t.Fatal(err)
					}
					wg.Go(func() {
						<-start
						s, err := sqlstore.New(db, d.dialect, opts)
						if err != nil {
							t.Error(err)
							return
						}
						defer s.Close()
						for range 2 {
							if err := s.Migrate(t.Context()); err != nil {
								t.Error(err)
							}
						}
						if err := s.Create(t.Context(), newRecord(10)); err != nil {
							t.Error(err)
						}
					})
				}
				close(start)
				wg.Wait()
			}
		})
	}
}

// So do ten that are processes indeed, and open the store by its URL.
func TestDatabasesProcesses(t *testing.T) {
	const processes, records = 10, 20
	if url := os.Getenv(childURL); url != "" {
		s := openStore(t, url)
		for range records {
			if err := s.Create(t.Context(), newRecord(100)); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	for _, tt := range []struct{ name, url, driver, dsn string }{
		{"postgres", postgresURL(t), "pgx", postgresURL(t)},
		{"mysql", mysqlURL(t), "mysql", mysqlDSN(t, mysqlURL(t))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := with(tt.url, "table="+newTable(t, openSQL(t, tt.driver, tt.dsn)))
			var wg sync.WaitGroup
			for range processes {
				wg.Go(func() {
					if out, err := child(t, t.Context(), url).Output(); err != nil {
						t.Errorf("%v\n%s", err, out)
					}
				})
			}
			wg.Wait()
			found, err := collect(store.List(t.Context(), openStore(t, url), "alice"))
			if err != nil || len(found) != processes*records {
				t.Errorf("List = %d records, %v; want %d", len(found), err, processes*records)
			}
		})
	}
}

// The exported schema is what Migrate makes.
func TestDatabasesSchema(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			db := openSQL(t, d.driver, d.dsn(t))
			table := newTable(t, db)
			schema, err := sqlstore.Schema(d.dialect, table)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				for statement := range strings.SplitSeq(strings.TrimSuffix(schema, ";\n"), ";\n") {
					if _, err := db.Exec(statement); err != nil {
						t.Fatalf("%s: %v", statement, err)
					}
				}
			}
			s := newStore(t, db, d.dialect, sqlstore.Options{Table: table, Unprepared: d.unprepared})
			r := newRecord(10)
			if err := s.Create(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if found, err := collect(s.List(t.Context(), r.Subject)); err != nil || len(found) != 1 {
				t.Errorf("List = %d records, %v; want 1", len(found), err)
			}
		})
	}
}

// Several collectors at once, beside users, delete each record once and leave
// what lives.
func TestDatabasesCollectTogether(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) { collectTogether(t, d.storeCase().open(t)) })
	}
}

func collectTogether(t *testing.T, open func() store.Store) {
	t.Helper()
	const garbage, live, collectors = 4000, 200, 6
	s := open()
	alive := make([]store.Record, live)
	for i := range alive {
		alive[i] = newRecord(100)
		if err := s.Create(t.Context(), alive[i]); err != nil {
			t.Fatal(err)
		}
	}
	createGarbage(t, s, garbage)
	var wg, users sync.WaitGroup
	var collected atomic.Int64
	done := make(chan struct{})
	for i := range 4 {
		users.Go(func() { use(t, s, alive[i*live/4:(i+1)*live/4], done) })
	}
	start := time.Now()
	for range collectors {
		s := open()
		wg.Go(func() {
			n, err := store.GC(t.Context(), s)
			if err != nil {
				t.Errorf("GC: %v", err)
			}
			collected.Add(int64(n))
		})
	}
	wg.Wait()
	took := time.Since(start)
	close(done)
	users.Wait()
	// What one had in hand the others passed over, so one may be left.
	n, err := store.GC(t.Context(), s)
	if collected.Add(int64(n)); err != nil || collected.Load() != garbage {
		t.Errorf("%d records were collected, %v; want %d", collected.Load(), err, garbage)
	}
	t.Logf("%d collectors deleted %d of %d records in %v", collectors, collected.Load()-int64(n), garbage, took)
	for _, r := range alive {
		if _, err := s.Load(t.Context(), r.ID); err != nil {
			t.Errorf("Load of a live record: %v", err)
		}
	}
}

// So do several managers, each by itself: none is told of a failure.
func TestDatabasesManagersCollect(t *testing.T) {
	for _, d := range databases {
		if d.name != "postgres" && d.name != "mysql" {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			const garbage, managers = 2000, 4
			db := openSQL(t, d.driver, d.dsn(t))
			opts := sqlstore.Options{Table: newTable(t, db)}
			createGarbage(t, newStore(t, db, d.dialect, opts), garbage)
			seen := new(events)
			for range managers {
				m, err := session.NewManager(newStore(t, db, d.dialect, opts),
					session.Config{App: appName, GCInterval: time.Second, Observer: seen.observe})
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
			}
			poll(t, "the garbage is gone", func() bool {
				var left int
				if err := db.QueryRow("SELECT count(*) FROM " + opts.Table).Scan(&left); err != nil {
					t.Fatal(err)
				}
				return left == 0
			})
			for _, e := range seen.list() {
				if !errors.Is(e.Err, context.DeadlineExceeded) { // a round is cut short after the interval
					t.Errorf("a manager reports %v", e)
				}
			}
		})
	}
}

// What another has locked is left for the next time, and nobody waits for it.
func TestDatabasesCollectorPassesOver(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			db := openSQL(t, d.driver, d.dsn(t))
			opts := sqlstore.Options{Table: newTable(t, db), Unprepared: d.unprepared}
			s := newStore(t, db, d.dialect, opts)
			createGarbage(t, s, 16)
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			var id []byte
			if err := tx.QueryRow("SELECT id FROM " + opts.Table + " LIMIT 1 FOR UPDATE").Scan(&id); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if n, err := s.GC(ctx); n != 15 || err != nil {
				t.Errorf("GC beside a lock = %d, %v; want 15", n, err)
			}
			tx.Rollback()
			if n, err := s.GC(ctx); n != 1 || err != nil {
				t.Errorf("GC after it = %d, %v; want 1", n, err)
			}
		})
	}
}

// createGarbage creates records that expired long ago.
func createGarbage(t *testing.T, s store.Store, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range n / 8 {
				if err := s.Create(t.Context(), expired(newRecord(100))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// use saves, touches and loads records until done.
func use(t *testing.T, s store.Store, records []store.Record, done <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
		}
		r := &records[i%len(records)]
		n := newRecord(100)
		n.ID, n.Created, n.Subject = r.ID, r.Created, fmt.Sprint(i)
		if err := s.Save(t.Context(), n, r.Version); err != nil {
			t.Errorf("Save: %v", err)
			return
		}
		*r = n
		if err := s.Touch(t.Context(), r.ID, r.Version, r.Seen, r.Expires.Add(time.Second)); err != nil {
			t.Errorf("Touch: %v", err)
		}
		if _, err := s.Load(t.Context(), r.ID); err != nil {
			t.Errorf("Load: %v", err)
		}
	}
}
