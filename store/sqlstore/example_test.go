package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/b4468f51/session/store/sqlstore"
)

// For an application whose migrations are files, this is what goes into one.
func ExampleSchema() {
	schema, err := sqlstore.Schema(sqlstore.SQLite, "web_sessions")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(schema)
	// Output:
	// CREATE TABLE IF NOT EXISTS "web_sessions" (
	// 	id BLOB NOT NULL PRIMARY KEY,
	// 	version INTEGER NOT NULL,
	// 	created INTEGER NOT NULL,
	// 	seen INTEGER NOT NULL,
	// 	expires INTEGER NOT NULL,
	// 	deadline INTEGER NOT NULL,
	// 	subject TEXT NOT NULL,
	// 	data BLOB NOT NULL
	// );
	// CREATE INDEX IF NOT EXISTS "web_sessions_expires" ON "web_sessions" (expires);
	// CREATE INDEX IF NOT EXISTS "web_sessions_subject" ON "web_sessions" (subject, id) WHERE subject <> '';
}

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
