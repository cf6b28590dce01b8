package integration

import (
	"os"
	"testing"

	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
	"github.com/b4468f51/session/store/storetest"
)

// Behind PgBouncer in transaction mode, everything works that works without.
func TestPostgresPooler(t *testing.T) {
	if os.Getenv("SESSION_TEST_POSTGRES") != "" {
		t.Skip("the pooler stands in front of a server of these tests alone")
	}
	pooler := testserver.Start(t, testserver.PgBouncer("127.0.0.1", testserver.Shared(t, testserver.Postgres).Port))
	pgx := with(postgresOf(pooler), "pooler=true")
	pq := postgresDSNOf(with(postgresOf(pooler), "binary_parameters=yes"))
	for name, open := range map[string]func(*testing.T) func() store.Store{
		"pgx": func(t *testing.T) func() store.Store { return openTables(t, pgx, "pgx", postgresURL(t)) },
		"pq":  database{"", "postgres", sqlstore.PostgreSQL, pq, true}.storeCase().open,
	} {
		t.Run(name, func(t *testing.T) {
			open := open(t)
			h, err := storetest.RecordCAS(t.Context(), anyOf{open(), open(), open()}, 8, 25)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.Check(); err != nil {
				t.Error(err)
			}
			collectTogether(t, open)
			nothingIsPrepared(t, postgresOf(pooler))
		})
	}
}

// nothingIsPrepared looks into each connection of the pooler, all of them at
// once: what is prepared in one is not there for the next who is given another.
func nothingIsPrepared(t *testing.T, url string) {
	t.Helper()
	db := openSQL(t, "pgx", with(url, "default_query_exec_mode=exec"))
	for range testserver.PgBouncerPool {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM pg_prepared_statements").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != 0 {
			t.Errorf("%d statements are prepared in a connection of the pooler", n)
		}
	}
}

func postgresDSNOf(dsn string) func(testing.TB) string {
	return func(testing.TB) string { return dsn }
}
