package integration

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
	"github.com/b4468f51/session/store/storetest"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
)

// postgresURL is the server of SESSION_TEST_POSTGRES, or one of our own.
func postgresURL(t testing.TB) string {
	t.Helper()
	if u := os.Getenv("SESSION_TEST_POSTGRES"); u != "" {
		return u
	}
	return postgresOf(testserver.Shared(t, testserver.Postgres))
}

func postgresOf(s *testserver.Server) string {
	return "postgres://postgres@" + s.Addr() + "/postgres?sslmode=disable"
}

// mysqlURL is the server of SESSION_TEST_MYSQL, a URL as well, or one of our
// own.
func mysqlURL(t testing.TB) string {
	t.Helper()
	if u := os.Getenv("SESSION_TEST_MYSQL"); u != "" {
		return u
	}
	return mysqlOf(testserver.Shared(t, testserver.MariaDB))
}

func mysqlOf(s *testserver.Server) string { return "mysql://root@" + s.Addr() + "/test" }

// mysqlDSN is what the driver calls a URL.
func mysqlDSN(t testing.TB, rawURL string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	user := u.User.Username()
	if password, ok := u.User.Password(); ok {
		user += ":" + password
	}
	return user + "@tcp(" + u.Host + ")" + u.Path + "?" + u.RawQuery
}

// with adds parameters to a URL or a DSN.
func with(name string, parameters ...string) string {
	for _, p := range parameters {
		separator := "&"
		if !strings.Contains(name, "?") {
			separator = "?"
		}
		name += separator + p
	}
	return name
}

// newTable returns the name of a table that is dropped when the test ends.
func newTable(t testing.TB, db *sql.DB) string {
	t.Helper()
	// At random, since other test binaries may use the server.
	name := fmt.Sprintf("t%x", rand.Uint64())
	t.Cleanup(func() {
		if _, err := db.Exec("DROP TABLE IF EXISTS " + name); err != nil {
			t.Logf("drop: %v", err)
		}
	})
	return name
}

// openSQL opens a database that is closed when the test ends.
func openSQL(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// newStore returns a Store over a database that the test has opened, migrated.
func newStore(t testing.TB, db *sql.DB, d sqlstore.Dialect, opts sqlstore.Options) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.New(db, d, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// A database is a server, by way of a driver, in one of the ways to use it.
type database struct {
	name       string
	driver     string
	dialect    sqlstore.Dialect
	dsn        func(testing.TB) string
	unprepared bool
}

func postgresDSN(parameters ...string) func(testing.TB) string {
	return func(t testing.TB) string { t.Helper(); return with(postgresURL(t), parameters...) }
}

func mysqlDSNWith(parameters ...string) func(testing.TB) string {
	return func(t testing.TB) string { t.Helper(); return with(mysqlDSN(t, mysqlURL(t)), parameters...) }
}

// databases are all the ways that the dialects are used.
var databases = []database{
	{"postgres", "pgx", sqlstore.PostgreSQL, postgresDSN(), false},
	{"postgres-pooler", "pgx", sqlstore.PostgreSQL, postgresDSN("default_query_exec_mode=exec"), true},
	{"postgres-simple", "pgx", sqlstore.PostgreSQL, postgresDSN("default_query_exec_mode=simple_protocol"), true},
	{"postgres-pq", "postgres", sqlstore.PostgreSQL, postgresDSN(), false},
	{"postgres-pq-pooler", "postgres", sqlstore.PostgreSQL, postgresDSN("binary_parameters=yes"), true},
	{"mysql", "mysql", sqlstore.MySQL, mysqlDSNWith(), false},
	{"mysql-found-rows", "mysql", sqlstore.MySQL, mysqlDSNWith("clientFoundRows=true"), false},
	{"mysql-pooler", "mysql", sqlstore.MySQL, mysqlDSNWith("interpolateParams=true"), true},
}

// storeCase is the database as a place for new data: a table of its own.
func (d database) storeCase() storeCase {
	return storeCase{name: d.name, open: func(t *testing.T) func() store.Store {
		db := openSQL(t, d.driver, d.dsn(t))
		db.SetMaxOpenConns(16) // the server has 200 for all
		db.SetMaxIdleConns(16)
		table := newTable(t, db)
		return func() store.Store {
			return newStore(t, db, d.dialect, sqlstore.Options{Table: table, Unprepared: d.unprepared})
		}
	}}
}

// Promises are run on these; TestDatabases runs the contract on the other ways
// to use the servers.
var postgres = storeCase{name: "postgres", open: func(t *testing.T) func() store.Store {
	return openTables(t, postgresURL(t), "pgx", postgresURL(t))
}}

var postgresPQ = database{"postgres-pq", "postgres", sqlstore.PostgreSQL, postgresDSN(), false}.storeCase()

var mysql = storeCase{name: "mysql", open: func(t *testing.T) func() store.Store {
	return openTables(t, mysqlURL(t), "mysql", mysqlDSN(t, mysqlURL(t)))
}}

// openTables returns a function that opens Stores by URL over a new table.
func openTables(t *testing.T, url, driver, dsn string) func() store.Store {
	table := newTable(t, openSQL(t, driver, dsn))
	return func() store.Store { return openStore(t, with(url, "table="+table)) }
}

func TestDatabases(t *testing.T) {
	for _, d := range databases {
		if slices.ContainsFunc(storeCases, func(c storeCase) bool { return c.name == d.name }) {
			continue // TestStores has it
		}
		t.Run(d.name, func(t *testing.T) {
			open := d.storeCase().open
			storetest.Run(t, func(t *testing.T) store.Store { return open(t)() })
		})
	}
}
