package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/store"
)

// stateError is how drivers for PostgreSQL tell SQLSTATE.
type stateError string

func (e stateError) Error() string    { return "ERROR: something (SQLSTATE " + string(e) + ")" }
func (e stateError) SQLState() string { return string(e) }

func serverStore(t *testing.T, d Dialect, exec func(string) (int64, error)) *Store {
	t.Helper()
	db := sql.OpenDB(&fakeDriver{exec: exec})
	s, err := New(db, d, Options{BusyTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); db.Close() })
	return s
}

// An error that says that nothing was done because of another is not the
// caller's to see.
func TestDeadlocksAreTriedAgain(t *testing.T) {
	for _, c := range []struct {
		d     Dialect
		err   error
		again bool
	}{
		{PostgreSQL, stateError("40001"), true},
		{PostgreSQL, fmt.Errorf("wrapped: %w", stateError("40P01")), true},
		{PostgreSQL, stateError("23505"), false},
		{PostgreSQL, errors.New("40001"), false},
		{MySQL, errors.New("Error 1213 (40001): Deadlock found when trying to get lock"), true},
		{MySQL, errors.New("Error 1205 (HY000): Lock wait timeout exceeded"), true},
		{MySQL, errors.New("ERROR 1020 (HY000): Record has changed since last read"), true},
		{MySQL, errors.New("Error 12133: something"), false},
		{MySQL, errors.New("Error 1064 (42000): You have an error"), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			s := serverStore(t, c.d, func(string) (int64, error) {
				if tries++; tries < 3 {
					return 0, c.err
				}
				return 1, nil
			})
			err := s.Save(t.Context(), store.Record{ID: store.ID{1}}, 1)
			if c.again && (err != nil || tries != 3) || !c.again && (!errors.Is(err, c.err) || tries != 1) {
				t.Errorf("%v after %v: %v after %d tries", c.d, c.err, err, tries)
			}
		})
	}
}

func TestMySQLDuplicate(t *testing.T) {
	for _, c := range []struct {
		text   string
		exists bool
	}{
		{"Error 1062 (23000): Duplicate entry '...' for key 'PRIMARY'", true},
		{"Error 1062: Duplicate entry '...' for key 1", true},
		{"ERROR 1062 (23000): Doppelter Eintrag", true},
		{"Error 1406 (22001): Data too long for column 'subject' at row 1062", false},
		{"Error 1452 (23000): Cannot add or update a child row", false},
	} {
		s := serverStore(t, MySQL, func(query string) (int64, error) {
			if strings.HasPrefix(query, "INSERT") {
				return 0, errors.New(c.text)
			}
			return 0, nil
		})
		err := s.Create(t.Context(), store.Record{ID: store.ID{1}})
		if got := errors.Is(err, store.ErrExists); err == nil || got != c.exists {
			t.Errorf("Create where the database says %q: %v", c.text, err)
		}
	}
}

// The database's clock is never asked.
func TestNoClock(t *testing.T) {
	for _, d := range []Dialect{SQLite, PostgreSQL, MySQL} {
		q, err := d.queries("", "sessions")
		if err != nil {
			t.Fatal(err)
		}
		all := strings.ToLower(strings.Join(append(q.schema, q.load, q.create, q.save, q.touch, q.delete, q.list, q.gc), " "))
		for _, clock := range []string{"now(", "current_", "timestamp", "unixepoch", "strftime"} {
			if strings.Contains(all, clock) {
				t.Errorf("%v reads a clock: %s", d, clock)
			}
		}
	}
}

func TestServerTableNames(t *testing.T) {
	for _, c := range []struct {
		d     Dialect
		table string
		want  string // "" for an error
	}{
		{PostgreSQL, `a"b`, `"a""b_due" ON "a""b" (due)`},
		{PostgreSQL, strings.Repeat("a", 55), "_subject"},
		{PostgreSQL, strings.Repeat("a", 56), ""},
		{MySQL, "a`b", "CREATE TABLE IF NOT EXISTS `a``b` ("},
		{MySQL, "a\x00", ""},
	} {
		got, err := Schema(c.d, c.table)
		if (err != nil) != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("Schema(%v, %q) = %s, %v; want %s", c.d, c.table, got, err, c.want)
		}
	}
}

// A manager asks for the name of the application where others use the database.
func TestServersAreShared(t *testing.T) {
	for d, want := range map[Dialect]bool{SQLite: false, PostgreSQL: true, MySQL: true} {
		s := serverStore(t, d, func(string) (int64, error) { return 0, errors.New("asked for nothing") })
		if got := store.Shared(s); got != want {
			t.Errorf("%v: Shared is %t, want %t", d, got, want)
		}
	}
}
