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
// # PostgreSQL
//
// From version 12 on, with pgx or lib/pq:
//
//	import (
//		_ "github.com/b4468f51/session/store/sqlstore"
//		_ "github.com/jackc/pgx/v5/stdlib" // or _ "github.com/lib/pq"
//	)
//
//	s, err := store.Open("postgres://user:password@host:5432/database")
//
// The scheme may be postgresql as well. Where both drivers are linked, pgx is
// used. Two parameters are the store's, and all others the driver's:
//
//	table=sessions      the table's name, of at most 55 bytes, in the first
//	                    schema of search_path, which must be there; a table of
//	                    that name in a later one is not used
//	table=app.sessions  the same in the schema app, which must be there
//	pooler=true         connections come from a pooler such as PgBouncer in
//	                    transaction mode: nothing is prepared
//
// The database's encoding is UTF8: in another, a subject that has no place in
// it is an error.
//
// An application that opens the database itself, and has such a pooler, sets
// [Options.Unprepared], and tells the driver as well: pgx with
// default_query_exec_mode=exec (or simple_protocol), lib/pq with
// binary_parameters=yes (and PgBouncer, for lib/pq, with
// ignore_startup_parameters = extra_float_digits).
//
// A touch is a heap-only update: it writes no index, and what it leaves behind
// is cleaned up by whoever next reads the page, not by VACUUM. Data of more
// than two kilobytes is kept beside the table, and a touch does not write it.
// Anything that adds an index on seen or expires undoes that.
//
// Whether an acknowledged write survives a power failure is synchronous_commit,
// on by default. After a failover to a replica that was behind, writes that
// were acknowledged may be gone, a logout among them, unless replication is
// synchronous.
//
// # MySQL and MariaDB
//
// From MySQL 8 and MariaDB 10.6 on, with github.com/go-sql-driver/mysql:
//
//	s, err := store.Open("mysql://user:password@host:3306/database")
//
// The scheme may be mariadb as well. The parameters table and pooler are as
// above, where a schema is a database. Behind a pooler, the driver puts arguments
// into the statement: interpolateParams=true. All others are the driver's, such as
// tls=true.
// MySQL 5.7 and older versions of MariaDB do too, but there collectors wait for
// each other. Who opens the database itself may set what parameters they like:
// clientFoundRows, parseTime, loc, charset and sql_mode make no difference.
// Subjects are compared byte by byte, whatever the collation.
//
// Migrate and Schema make an InnoDB table. The server's max_allowed_packet has
// to exceed the largest session by some kilobytes, which its default does.
//
// # Servers
//
// A store that is opened by URL has at most 25 connections, closes those that
// were idle for five minutes, and each after half an hour. An application
// that wants others opens the database itself, and sets them there. Opening
// creates the table where it is missing; where it is there, with its indexes,
// the user needs no right but SELECT, INSERT, UPDATE and DELETE on it. No error of opening prints the
// password, and special characters in it have to be percent-encoded.
//
// The isolation level may be any. Each statement stands alone, and a Save that
// had to wait for another compares the version that the other has written. A
// deadlock or a serialization failure means that nothing was done, so the
// statement is tried again, for [Options.BusyTimeout].
//
// Garbage collectors may run in every process: each batch passes over what
// another has locked, and nobody waits or counts twice.
//
// # Time
//
// Times are stored as integers, in milliseconds since 1970 UTC. Whether a
// record has expired is told by the clock of the process that asks; the
// database's clock and time zone are never read. Processes should agree on the
// time by a few seconds; a record is kept from GC for five minutes longer.
//
// # What an operation costs
//
// Each operation is one statement, which the database runs entirely or not at
// all; List is one for each 128 records, and DeleteSubject two or three. There are
// no explicit transactions, but for Migrate on PostgreSQL. Statements are prepared when they are first used on a connection. From then
// on each is one round trip.
//
// Touch writes no data: SQLite overwrites a row of unchanged length in place,
// and only pages that differ, so that a touch writes the same two or three
// pages, of the row and the index of expiry, whether the data is one kilobyte
// or one megabyte. It reads all of them.
package sqlstore
