package integration

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// newSchema returns the name of a schema, or of a database of MySQL, that is
// dropped with all in it when the test ends.
func newSchema(t *testing.T, db *sql.DB, drop string) string {
	t.Helper()
	name := "s" + newTable(t, db)
	if _, err := db.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP SCHEMA " + name + drop); err != nil {
			t.Logf("drop: %v", err)
		}
	})
	return name
}

// Another program's table stands in a later schema of search_path.
func TestPostgresUsesTheFirstSchemaOfItsPath(t *testing.T) {
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			db := openSQL(t, driver, postgresURL(t))
			table, app := newTable(t, db), newSchema(t, db, " CASCADE")
			others := newStore(t, db, sqlstore.PostgreSQL, sqlstore.Options{Table: table})
			theirs := newRecord(10)
			if err := others.Create(t.Context(), theirs); err != nil {
				t.Fatal(err)
			}
			here := openSQL(t, driver, with(postgresURL(t), "search_path="+app+",public"))
			ours := newStore(t, here, sqlstore.PostgreSQL, sqlstore.Options{Table: table})
			if _, err := ours.Load(t.Context(), theirs.ID); !isNotFound(err) {
				t.Errorf("another program's record: %v, want none", err)
			}
			ownTable(t, db, ours, app+"."+table)
		})
	}
}

// A schema that is missing must not have the table stand in another program's.
func TestPostgresRefusesAMissingSchema(t *testing.T) {
	db := openSQL(t, "pgx", postgresURL(t))
	table, missing := newTable(t, db), "missing_"+newTable(t, db)
	for path, refused := range map[string]bool{
		missing + ",public": true, `"` + missing + `", public`: true, `"$user",public`: false, "public": false,
	} {
		here := openSQL(t, "pgx", with(postgresURL(t), "search_path="+url.QueryEscape(path)))
		s, err := sqlstore.New(here, sqlstore.PostgreSQL, sqlstore.Options{Table: table})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); refused != (err != nil) || err != nil && !strings.Contains(err.Error(), missing) {
			t.Errorf("%s: %v, refused should be %t", path, err, refused)
		}
	}
}

// ownTable checks that a store writes into a table.
func ownTable(t *testing.T, db *sql.DB, s store.Store, table string) {
	t.Helper()
	if err := s.Create(t.Context(), newRecord(10)); err != nil {
		t.Error(err)
	}
	var n int
	if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil || n != 1 {
		t.Errorf("%s has %d records, %v; want one", table, n, err)
	}
}

func TestATableInASchema(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		db := openSQL(t, "pgx", postgresURL(t))
		app, table := newSchema(t, db, " CASCADE"), newTable(t, db)
		for range 2 {
			s := openStore(t, with(postgresURL(t), "table="+app+"."+table))
			ownTable(t, db, s, app+"."+table)
			if _, err := db.Exec("TRUNCATE " + app + "." + table); err != nil {
				t.Fatal(err)
			}
		}
		var there bool
		if err := db.QueryRow("SELECT to_regclass($1) IS NOT NULL", "public."+table).Scan(&there); err != nil || there {
			t.Errorf("a table in public: %t, %v", there, err)
		}
		if _, err := store.Open(with(postgresURL(t), "table=missing_"+app+".sessions")); err == nil {
			t.Error("a schema that is not there is no error")
		}
	})
	t.Run("mysql", func(t *testing.T) {
		db := openSQL(t, "mysql", mysqlDSN(t, mysqlURL(t)))
		app, table := newSchema(t, db, ""), newTable(t, db)
		for range 2 {
			s := openStore(t, with(mysqlURL(t), "table="+app+"."+table))
			ownTable(t, db, s, app+"."+table)
			if _, err := db.Exec("TRUNCATE " + app + "." + table); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestATableOfAnotherProgramIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ driver, dsn, url string }{
		"postgres": {"pgx", postgresURL(t), postgresURL(t)},
		"mysql":    {"mysql", mysqlDSN(t, mysqlURL(t)), mysqlURL(t)},
	} {
		t.Run(name, func(t *testing.T) {
			db := openSQL(t, c.driver, c.dsn)
			table := newTable(t, db)
			if _, err := db.Exec("CREATE TABLE " + table + " (token VARCHAR(43) PRIMARY KEY, data VARCHAR(43), expiry BIGINT)"); err != nil {
				t.Fatal(err)
			}
			_, err := store.Open(with(c.url, "table="+table))
			if err == nil || !strings.Contains(err.Error(), `"`+table+`"`) || !strings.Contains(err.Error(), "not a table of sessions") {
				t.Errorf("the error is %v, want one that names the table", err)
			}
			var n int
			if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
				t.Error(err)
			}
		})
	}
}
