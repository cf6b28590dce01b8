package sqlstore_test

import (
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
