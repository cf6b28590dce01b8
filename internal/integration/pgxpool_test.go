package integration

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/b4468f51/session/store/sqlstore"
)

// A pool of pgx's own keeps the statements: as Options.Unprepared has it, an
// operation is one round trip there too.
func TestAPoolOfPgxTakesOneRoundTrip(t *testing.T) {
	dsn := postgresURL(t)
	addr := addrOf(t, dsn)
	proxy, trips := countTrips(t, addr)
	pool, err := pgxpool.New(t.Context(), with(strings.Replace(dsn, addr, proxy, 1), "pool_max_conns=1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	db := stdlib.OpenDBFromPool(pool)
	t.Cleanup(func() { db.Close() })
	table := newTable(t, openSQL(t, "pgx", dsn))
	s := newStore(t, db, sqlstore.PostgreSQL, sqlstore.Options{Table: table, Unprepared: true})
	for round := range 2 {
		r, n := newRecord(500), newRecord(500)
		n.ID = r.ID
		for _, op := range []struct {
			name string
			do   func() error
		}{
			{"Create", func() error { return s.Create(t.Context(), r) }},
			{"Load", func() error { _, err := s.Load(t.Context(), r.ID); return err }},
			{"Save", func() error { return s.Save(t.Context(), n, r.Version) }},
			{"Delete", func() error { return s.Delete(t.Context(), r.ID) }},
		} {
			before := trips.Load()
			if err := op.do(); err != nil {
				t.Errorf("%s: %v", op.name, err)
			}
			if got := trips.Load() - before; got != 1 && round == 1 {
				t.Errorf("%s took %d round trips, want 1", op.name, got)
			}
		}
	}
}
