// Package sqlstore keeps sessions in a table of a SQL database, by way of
// [database/sql]. It links no driver: the application imports the one it uses.
//
// # SQLite
//
// By URL, with the driver imported beside this package:
//
//	import (
//		_ "github.com/b4468f51/session/store/sqlstore"
//		_ "modernc.org/sqlite" // or _ "github.com/mattn/go-sqlite3"
//	)
//
//	s, err := store.Open("sqlite:app.db")
//
// The path follows the colon: sqlite:app.db is relative to the working
// directory, sqlite:/var/lib/app/app.db is absolute. It ends at the first
// question mark, and is percent-decoded. A file that is missing is created,
// readable to its owner alone; its directory is not created. Parameters:
//
//	table=sessions      the table's name
//	busy_timeout=10s    how long an operation waits for other processes
//	synchronous=full    or normal: whether a commit waits for the disk
//
// The store opened in this way creates its table if there is none, keeps the
// file in WAL mode, and closes the database in Close.
//
// With synchronous=full a commit is on the disk when it is acknowledged, and
// survives a power failure. With normal it survives the end of the process,
// kill -9 included, but a power failure or a crash of the operating system may
// take back the last commits: a logout could be undone. Normal saves the wait
// for the disk at each write.
//
// An application that opens the database itself uses [New] and
// [Store.Migrate]. The recommended name for modernc.org/sqlite is
//
//	file:app.db?_pragma=busy_timeout(100)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)
//
// and for github.com/mattn/go-sqlite3
//
//	file:app.db?_busy_timeout=100&_journal_mode=WAL&_synchronous=FULL
//
// The busy timeout there is how long the driver waits for another connection
// to finish writing, in milliseconds, deaf to the context on most drivers. The
// store waits on by itself, for [Options.BusyTimeout]. An in-memory database
// belongs to one connection, so it needs SetMaxOpenConns(1); package memstore
// serves better.
//
// SQLite has one writer at a time. The writers of one Store queue in the
// process, in the order they came, and one of them at a time competes with
// other processes; readers run beside it. Processes share a file on one
// machine, never over a network file system.
//
// # Time
//
// Times are stored as integers, in milliseconds since 1970 UTC. Whether a
// record has expired is told by the clock of the process that asks; the
// database's clock is never read.
//
// # What an operation costs
//
// Each operation is one statement, which the database runs entirely or not at
// all. There are no explicit transactions. Statements are prepared when they
// are first used.
//
// Touch writes no data: SQLite overwrites a row of unchanged length in place,
// and only pages that differ, so that a touch writes the same two or three
// pages, of the row and the index of expiry, whether the data is one kilobyte
// or one megabyte. It reads all of them.
package sqlstore
