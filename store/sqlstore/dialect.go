package sqlstore

import (
	"fmt"
	"strings"
)

// A Dialect is the SQL that a database speaks. The zero Dialect is none.
type Dialect int

const (
	// SQLite is the dialect of SQLite from version 3.24, of 2018, on.
	SQLite Dialect = iota + 1

	// PostgreSQL is the dialect of PostgreSQL from version 12 on.
	PostgreSQL

	// MySQL is the dialect of MySQL, made for version 8 on, and of MariaDB,
	// from 10.6 on.
	MySQL
)

// String returns the name of the database.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "SQLite"
	case PostgreSQL:
		return "PostgreSQL"
	case MySQL:
		return "MySQL"
	}
	return fmt.Sprintf("Dialect(%d)", int(d))
}

// Schema returns the statements that create a table of sessions and its
// indexes where they are missing, each ended by a semicolon and a newline, for
// an application that has migrations of its own. The indexes are named after
// the table, or belong to it. An empty name means "sessions". On PostgreSQL,
// where IF NOT EXISTS fails beside another who creates the same, they should be
// run by one at a time; [Store.Migrate] sees to that.
func Schema(d Dialect, table string) (string, error) {
	if table == "" {
		table = defaultTable
	}
	q, err := d.queries("", table)
	if err != nil {
		return "", err
	}
	return strings.Join(q.schema, ";\n") + ";\n", nil
}

// queries is everything that a Store says to its database. Parameters are
// positional, and in the same order in every dialect.
type queries struct {
	schema     []string // each may be run again
	schemaLock string   // begins a transaction that runs schema; "" where several may run it at once

	// path returns the schemas that the server looks for the table in, and the one
	// that it chose. "" where the table's name has its schema, or there are none.
	path string

	// present tells whether there is nothing left of schema to do, so that who
	// may not create tables can use one; "" where anybody may run schema.
	present     string
	presentArgs []any

	load   string // id, now
	create string // id, version, created, seen, expires, deadline, subject, data; 1 row, or 0 where the id is taken
	save   string // version, seen, expires, seen, deadline, subject, data, id, old version, now
	touch  string // seen, expires, id, version, now, seen
	delete string // id
	clear  string // id, expired until
	list   string // subject, the ID that they follow, expired until, how many: by ID
	gc     string // expired until, how many
	ping   string

	ids       string // as list, id and expires alone
	deleteIDs string // subject, as many IDs as a batch has
	remaining string // as many IDs: those that are there
	loadIDs   string // now, as many IDs

	// gcCounts tells that gc returns a row: how many it deleted, and how many
	// it looked at. Else it deletes what it looks at, and says how many.
	gcCounts bool

	// oneWriter tells that the database lets one connection write at a time,
	// and answers others with an error rather than have them wait in order.
	oneWriter bool

	// busy tells whether an error says that another connection was in the
	// way, and nothing was done.
	busy func(error) bool

	// taken tells whether the text of an error of create says that the id is
	// taken; nil where that is no error.
	taken func(string) bool
}

// questions returns so many question marks, with commas between.
func questions(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// queries returns what to say of a table, in a schema or, where that is empty, in
// the one that the connection begins with.
func (d Dialect) queries(schema, table string) (queries, error) {
	if err := checkTable(table); err != nil {
		return queries{}, err
	}
	if schema != "" {
		if err := checkTable(schema); err != nil {
			return queries{}, err
		}
	}
	switch {
	case d == SQLite && schema != "":
		return queries{}, fmt.Errorf("sqlstore: Options.Schema is %q: SQLite has none", schema)
	case d == SQLite:
		return sqliteQueries(table), nil
	case d == PostgreSQL:
		return postgresQueries(schema, table)
	case d == MySQL:
		return mysqlQueries(schema, table), nil
	}
	return queries{}, fmt.Errorf("sqlstore: unknown dialect %v", d)
}
