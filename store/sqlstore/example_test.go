package sqlstore_test

import (
	"context"
	"database/sql"
	"log"

	"github.com/b4468f51/session/store/sqlstore"
)

// A store beside the application's other tables, in a database that the
// application opened with the driver it imports.
func ExampleNew() {
	db, err := sql.Open("sqlite", "file:app.db"+
		"?_pragma=busy_timeout(100)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	s, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{Table: "web_sessions"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(context.Background()); err != nil {
		log.Fatal(err)
	}
}
