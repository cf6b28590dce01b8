package integration

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// postgresTable returns a Store by pgx over a new table.
func postgresTable(t *testing.T) (*sqlstore.Store, *sql.DB, string) {
	t.Helper()
	db := openSQL(t, "pgx", postgresURL(t))
	table := newTable(t, db)
	return newStore(t, db, sqlstore.PostgreSQL, sqlstore.Options{Table: table}), db, table
}

// updates returns how many rows of a table were updated, and how many of them
// without a word to any index, once at least want are known of.
func updates(t *testing.T, db *sql.DB, table string, want int64) (all, hot int64) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := db.QueryRow("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = $1", table).Scan(&all, &hot)
		if err != nil {
			t.Fatal(err)
		}
		if all >= want {
			return all, hot
		}
		if time.Now().After(end) {
			t.Fatalf("the server knows of %d updates, want %d", all, want)
		}
	}
}

// A touch is a heap-only update, whatever the size of the data: it writes no
// index, and leaves nothing to VACUUM, which does not run here.
func TestPostgresTouchIsHOT(t *testing.T) {
	const records, rounds = 60, 10
	for _, size := range []int{0, 300, 1000, 1900, 1 << 16} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s, db, table := postgresTable(t)
			all := make([]store.Record, records)
			for i := range all {
				all[i] = newRecord(size)
				if err := s.Create(t.Context(), all[i]); err != nil {
					t.Fatal(err)
				}
			}
			before := pages(t, db, table)
			for round := range rounds {
				by := time.Duration(round+1) * time.Minute
				for _, r := range all {
					if err := s.Touch(t.Context(), r.ID, r.Version, r.Seen.Add(by), r.Expires.Add(by)); err != nil {
						t.Fatal(err)
					}
				}
			}
			n, hot := updates(t, db, table, records*rounds)
			after := pages(t, db, table)
			t.Logf("%d bytes of data: %d of %d touches were HOT; the table and its data went from %v to %v pages", size, hot, n, before, after)
			if n != records*rounds || hot*100 < n*99 {
				t.Errorf("%d of %d touches were HOT, want at least 99%%", hot, n)
			}
			if after[1] != before[1] {
				t.Errorf("touches wrote data: %d pages of it became %d", before[1], after[1])
			}
			got, err := s.Load(t.Context(), all[0].ID)
			if want := all[0].Expires.Add(rounds * time.Minute); err != nil || !got.Expires.Equal(want) {
				t.Errorf("after the touches: expires %v, %v; want %v", got.Expires, err, want)
			}
		})
	}
}

// pages returns the length of a table, and of the data that is kept beside it.
func pages(t *testing.T, db *sql.DB, table string) (n [2]int) {
	t.Helper()
	err := db.QueryRow(`SELECT pg_relation_size(oid) / 8192, pg_relation_size(reltoastrelid) / 8192
		FROM pg_class WHERE relname = $1`, table).Scan(&n[0], &n[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// GC passes over the records that were touched since they were due, and finds
// those behind them.
func TestPostgresGCMovesOn(t *testing.T) {
	const alive, gone = 1100, 10
	s, db, table := postgresTable(t)
	for i := range alive + gone {
		r := newRecord(10)
		if i >= alive {
			r = expired(r)
		}
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec("UPDATE " + table + " SET due = 0 WHERE expires > due - 1 AND due > " + fmt.Sprint(time.Now().UnixMilli())); err != nil {
		t.Fatal(err)
	}
	if n, err := s.GC(t.Context()); n != gone || err != nil {
		t.Errorf("GC = %d, %v; want %d", n, err, gone)
	}
	var behind, left int
	err := db.QueryRow("SELECT count(*) FILTER (WHERE due <> expires), count(*) FROM "+table).Scan(&behind, &left)
	if err != nil || behind != 0 || left != alive {
		t.Errorf("%d of %d records were not moved on, %v; want 0 of %d", behind, left, err, alive)
	}
	// A touch to an earlier time is not missed.
	r := newRecord(10)
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	soon := time.Now().Add(time.Minute)
	if err := s.Touch(t.Context(), r.ID, r.Version, r.Seen, soon); err != nil {
		t.Fatal(err)
	}
	var due int64
	err = db.QueryRow("SELECT due FROM "+table+" WHERE id = $1", r.ID[:]).Scan(&due)
	if err != nil || due != soon.UnixMilli() {
		t.Errorf("after a touch to %d it is due at %d, %v", soon.UnixMilli(), due, err)
	}
	// A Save that leaves expires where it is writes no index.
	n := r
	n.Version++
	n.Seen, n.Expires = r.Seen.Add(-time.Second), soon.Add(-time.Second)
	if err := s.Save(t.Context(), n, r.Version); err != nil {
		t.Fatal(err)
	}
	err = db.QueryRow("SELECT due FROM "+table+" WHERE id = $1", r.ID[:]).Scan(&due)
	if err != nil || due != soon.UnixMilli() {
		t.Errorf("after a Save that leaves expires at %d it is due at %d, %v", soon.UnixMilli(), due, err)
	}
}

// No operation reads the whole table, even where the planner has a generic plan.
func TestPostgresUsesIndexes(t *testing.T) {
	_, db, table := postgresTable(t)
	// A small table is read whole, and should be.
	if _, err := db.Exec("INSERT INTO " + table + ` (id, version, created, seen, expires, deadline, due, subject, data)
		SELECT decode(md5(n::text), 'hex'), n, n, n, n, n, n, n::text, decode(repeat('ab', 300), 'hex')
		FROM generate_series(1, 20000) AS n`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("ANALYZE " + table); err != nil {
		t.Fatal(err)
	}
	var queries []string
	watched := &watchedDriver{driver: db.Driver(), dsn: postgresURL(t)}
	w := newStore(t, openConnector(t, watched), sqlstore.PostgreSQL, sqlstore.Options{Table: table})
	watched.tell(func(query string) { queries = append(queries, query) })
	r := newRecord(1)
	w.Create(t.Context(), r)
	w.Load(t.Context(), r.ID)
	w.Save(t.Context(), r, 1)
	w.Touch(t.Context(), r.ID, 1, r.Seen, r.Expires)
	collect(w.List(t.Context(), r.Subject))
	collect(w.DeleteSubject(t.Context(), r.Subject, store.ID{}))
	w.GC(t.Context())
	w.Delete(t.Context(), r.ID)
	watched.tell(nil)
	queries = slices.Compact(queries) // of GC one batch will do
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exec := func(query string) {
		t.Helper()
		if _, err := c.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	exec("SET plan_cache_mode = force_generic_plan")
	for i, query := range queries {
		exec(fmt.Sprintf("PREPARE q%d AS %s", i, query))
		n := 0
		for strings.Contains(query, fmt.Sprintf("$%d", n+1)) {
			n++
		}
		rows, err := c.QueryContext(t.Context(), fmt.Sprintf("EXPLAIN EXECUTE q%d (%s)", i, strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ")))
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan") {
			t.Errorf("%s\nreads more than it needs:\n%s", query, text)
		}
	}
	if len(queries) != 9 {
		t.Errorf("%d queries, want 9", len(queries))
	}
}

// Who may not create tables can use one that is there.
func TestPostgresWithoutRights(t *testing.T) {
	s, db, table := postgresTable(t)
	role := table + "r"
	for _, query := range []string{
		"CREATE ROLE " + role + " LOGIN PASSWORD 'secretly'",
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON " + table + " TO " + role,
	} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { db.Exec("DROP OWNED BY " + role); db.Exec("DROP ROLE " + role) })
	r := newRecord(10)
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(postgresURL(t), "//postgres@", "//"+role+":secretly@", 1)
	other := openStore(t, with(url, "table="+table))
	if _, err := other.Load(t.Context(), r.ID); err != nil {
		t.Error(err)
	}
	if _, err := store.GC(t.Context(), other); err != nil {
		t.Error(err)
	}
	_, err := store.Open(with(url, "table=missing_"+table))
	if err == nil || !strings.Contains(err.Error(), "permission denied") || strings.Contains(err.Error(), "secretly") {
		t.Errorf("Open of a table that cannot be created: %v", err)
	}
}
