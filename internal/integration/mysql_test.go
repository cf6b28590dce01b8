package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// What cannot be stored is an error, and neither cut off nor an ID that is
// taken, in the mode in which MySQL would rather go on.
func TestMySQLLenient(t *testing.T) {
	for _, parameter := range []string{"sql_mode=%27%27", "clientFoundRows=true"} {
		db := openSQL(t, "mysql", with(mysqlDSN(t, mysqlURL(t)), parameter))
		s := newStore(t, db, sqlstore.MySQL, sqlstore.Options{Table: newTable(t, db)})
		r := newRecord(store.MaxData)
		r.Subject = strings.Repeat("ü", 256) // 512 bytes
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if err := s.Create(t.Context(), r); err != store.ErrExists {
			t.Errorf("%s: Create again: %v, want ErrExists", parameter, err)
		}
		got, err := s.Load(t.Context(), r.ID)
		if err != nil || got.Subject != r.Subject || string(got.Data) != string(r.Data) {
			t.Errorf("%s: Load: %d bytes of subject, %d of data, %v", parameter, len(got.Subject), len(got.Data), err)
		}
	}
}

// A save that changes the version alone is one row changed.
func TestMySQLCountsChanges(t *testing.T) {
	for _, d := range databases {
		if d.dialect != sqlstore.MySQL {
			continue
		}
		s := d.storeCase().open(t)()
		r := newRecord(10)
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		n := r
		n.Version++
		if err := s.Save(t.Context(), n, r.Version); err != nil {
			t.Errorf("%s: Save of a new version: %v", d.name, err)
		}
		if err := s.Save(t.Context(), n, r.Version); err != store.ErrConflict {
			t.Errorf("%s: Save over an old version: %v, want ErrConflict", d.name, err)
		}
		for range 2 { // the second changes nothing
			if err := s.Touch(t.Context(), n.ID, n.Version, n.Seen, n.Expires); err != nil {
				t.Errorf("%s: Touch: %v", d.name, err)
			}
		}
	}
}

// To list the records of a subject, the server reads those and no others.
func TestMySQLListReadsOneSubject(t *testing.T) {
	db := openSQL(t, "mysql", mysqlDSN(t, mysqlURL(t)))
	db.SetMaxOpenConns(1) // the rows are counted by connection
	s := newStore(t, db, sqlstore.MySQL, sqlstore.Options{Table: newTable(t, db)})
	for i := range 300 {
		r := newRecord(10)
		r.Subject = map[bool]string{true: "u", false: fmt.Sprint("u", i)}[i%100 == 0]
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	rowsRead := func() (sum int) {
		rows, err := db.QueryContext(t.Context(), "SHOW SESSION STATUS LIKE 'Handler_read%'")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			var n int
			if err := rows.Scan(&name, &n); err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		return sum
	}
	before := rowsRead()
	cost := rowsRead() - before // of counting
	before += cost
	records, err := collect(s.List(t.Context(), "u"))
	if err != nil || len(records) != 3 {
		t.Fatalf("%d records, %v; want 3", len(records), err)
	}
	if n := rowsRead() - before - cost; n < 3 || n > 20 {
		t.Errorf("%d rows were read for 3 of 300", n)
	}
}

// A URL reaches the server with what is encoded in it.
func TestMySQLURL(t *testing.T) {
	db := openSQL(t, "mysql", mysqlDSN(t, mysqlURL(t)))
	table := newTable(t, db)
	const password = "p@ss:w/o?r#d %"
	for _, query := range []string{
		"CREATE USER IF NOT EXISTS 'u@" + table + "'@'127.0.0.1' IDENTIFIED BY '" + password + "'",
		"GRANT ALL ON *.* TO 'u@" + table + "'@'127.0.0.1'",
	} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { db.Exec("DROP USER 'u@" + table + "'@'127.0.0.1'") })
	_, rest, _ := strings.Cut(mysqlURL(t), "@")
	url := func(scheme, escaped string) string {
		return with(scheme+"://u%40"+table+":"+escaped+"@"+rest, "table="+table)
	}
	const escaped = "p%40ss%3Aw%2Fo%3Fr%23d%20%25"
	for _, scheme := range []string{"mysql", "mariadb"} {
		s := openStore(t, with(url(scheme, escaped), "pooler=true"))
		if err := s.Create(t.Context(), newRecord(10)); err != nil {
			t.Error(err)
		}
	}
	_, err := store.Open(url("mysql", "hunter2"))
	if err == nil || !strings.Contains(err.Error(), "Access denied") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Open with a wrong password: %v", err)
	}
}
