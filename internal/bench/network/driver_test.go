package network

import (
	"database/sql"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/mattn/go-sqlite3"
)

// sqliteDriver is the one driver that all contestants open SQLite by.
var sqliteDriver = "sqlite3"

// poolSize gives others as many connections to PostgreSQL as the store of this
// module has. With the four that are pgxpool's default on a small machine they
// do half as much, as few commits share a wait for the disk.
const poolSize = "&pool_max_conns=25"

// openSQLite opens the file of a URL for others than the store of this module,
// as durable as that does, and with a driver that waits for other connections as
// long. It has one connection: with more, and without the queue that the store
// of this module has, writers are in each other's way, and with 64 of them scs
// does half as much or less.
func openSQLite(rest string) (*sql.DB, error) {
	file, query, _ := strings.Cut(rest, "?")
	db, err := sql.Open(sqliteDriver, "file:"+file+"?_journal_mode=WAL&_busy_timeout=10000&_"+query)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}
