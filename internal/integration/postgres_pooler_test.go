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
		})
	}
}

func postgresDSNOf(dsn string) func(testing.TB) string {
	return func(testing.TB) string { return dsn }
}
