package network

import (
	"database/sql"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/mattn/go-sqlite3"
)

// sqliteDriver is the one driver that all contestants open SQLite by.
var sqliteDriver = "sqlite3"

// openSQLite opens a file with the settings of the store of this module: a
// write-ahead log, and each commit on the disk before it is acknowledged. The
// driver waits for other connections for as long as that store does.
func openSQLite(file string) (*sql.DB, error) {
	return sql.Open(sqliteDriver, "file:"+file+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000")
}
