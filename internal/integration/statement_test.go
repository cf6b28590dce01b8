package integration

import (
	"testing"

	"github.com/b4468f51/session/store/sqlstore"
)

// Each operation is one statement, and no transaction is begun.
func TestDatabasesOneStatement(t *testing.T) {
	for _, d := range databases {
		if d.unprepared {
			continue // the driver that counts has statements alone
		}
		t.Run(d.name, func(t *testing.T) {
			db := openSQL(t, d.driver, d.dsn(t))
			table := newTable(t, db)
			newStore(t, db, d.dialect, sqlstore.Options{Table: table})
			watched := &watchedDriver{driver: db.Driver(), dsn: d.dsn(t)}
			s := newStore(t, openConnector(t, watched), d.dialect, sqlstore.Options{Table: table})
			oneStatement(t, s, watched)
		})
	}
}

// oneStatement checks that each operation is one statement. The driver refuses
// to begin a transaction.
func oneStatement(t *testing.T, s *sqlstore.Store, d *watchedDriver) {
	t.Helper()
	ctx := t.Context()
	r := newRecord(100)
	n := newRecord(100)
	n.ID = r.ID
	for _, op := range []struct {
		name string
		do   func() error
	}{
		{"Create", func() error { return s.Create(ctx, r) }},
		{"Load", func() error { _, err := s.Load(ctx, r.ID); return err }},
		{"Save", func() error { return s.Save(ctx, n, r.Version) }},
		{"Touch", func() error { return s.Touch(ctx, r.ID, n.Version, n.Seen, n.Expires) }},
		{"List", func() error { _, err := collect(s.List(ctx, r.Subject)); return err }},
		{"Ping", func() error { return s.Ping(ctx) }},
		{"GC", func() error { _, err := s.GC(ctx); return err }},
		{"Delete", func() error { return s.Delete(ctx, r.ID) }},
	} {
		var told []string
		d.tell(func(query string) { told = append(told, query) })
		if err := op.do(); err != nil {
			t.Errorf("%s: %v", op.name, err)
		}
		d.tell(nil)
		if len(told) != 1 {
			t.Errorf("%s ran %d statements, want 1: %q", op.name, len(told), told)
		}
	}
}
