package sqlstore

import (
	"strings"

	"github.com/b4468f51/session/store"
)

// sqliteQueries returns what to say to SQLite.
//
// The data stands last, so that the columns before it are read without it. The
// table has a rowid, as SQLite recommends for rows of more than a twentieth of
// a page: without one, rows of more than a kilobyte would spill over to pages
// of their own.
//
// A touch writes no data because UPDATE overwrites a row in place, and only
// the pages that differ, when its length stays. Times are the only columns
// that it changes, and all of them between 1970 and 6429 take six bytes.
func sqliteQueries(table string) queries {
	t := quote(table)
	return queries{
		schema: []string{
			"CREATE TABLE IF NOT EXISTS " + t + ` (
	id BLOB NOT NULL PRIMARY KEY,
	version INTEGER NOT NULL,
	created INTEGER NOT NULL,
	seen INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	deadline INTEGER NOT NULL,
	subject TEXT NOT NULL,
	data BLOB NOT NULL
)`,
			"CREATE INDEX IF NOT EXISTS " + quote(table+"_expires") + " ON " + t + " (expires)",
			// Anonymous sessions are never listed, and the most.
			"CREATE INDEX IF NOT EXISTS " + quote(table+"_subject") + " ON " + t + " (subject, id) WHERE subject <> ''",
		},
		load: "SELECT id, version, created, seen, expires, deadline, subject, data FROM " + t +
			" WHERE id = ? AND expires > ?",
		create: "INSERT INTO " + t + " (id, version, created, seen, expires, deadline, subject, data)" +
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
		save: "UPDATE " + t + " SET version = ?, expires = CASE WHEN seen > ? THEN expires ELSE ? END," +
			" seen = MAX(seen, ?), deadline = ?, subject = ?, data = ?" +
			" WHERE id = ? AND version = ? AND expires > ?",
		touch: "UPDATE " + t + " SET seen = ?, expires = ?" +
			" WHERE id = ? AND version = ? AND expires > ? AND seen <= ?",
		delete: "DELETE FROM " + t + " WHERE id = ?",
		clear:  "DELETE FROM " + t + " WHERE id = ? AND expires <= ?",
		// The second condition lets SQLite use the index, which is partial.
		list: "SELECT id, version, created, seen, expires, deadline, subject, data FROM " + t +
			" WHERE subject = ? AND subject <> '' AND id > ? AND expires > ? ORDER BY id LIMIT ?",
		ids: "SELECT id, expires FROM " + t +
			" WHERE subject = ? AND subject <> '' AND id > ? AND expires > ? ORDER BY id LIMIT ?",
		deleteIDs: "DELETE FROM " + t + " WHERE subject = ? AND id IN (" + questions(store.MaxBatch) + ")",
		remaining: "SELECT id FROM " + t + " WHERE id IN (" + questions(store.MaxBatch) + ")",
		loadIDs: "SELECT id, version, created, seen, expires, deadline, subject, data FROM " + t +
			" WHERE expires > ? AND id IN (" + questions(store.MaxBatch) + ")",
		gc: "DELETE FROM " + t + " WHERE rowid IN" +
			" (SELECT rowid FROM " + t + " WHERE expires <= ? ORDER BY expires LIMIT ?)",
		ping:      "SELECT EXISTS (SELECT 1 FROM " + t + ")",
		oneWriter: true,
		busy:      sqliteBusy,
	}
}

// sqliteBusy recognizes SQLITE_BUSY in each of its kinds. Drivers have types
// of their own for errors, and SQLite's text in common.
//
// A statement outside of a transaction that fails with it was rolled back.
func sqliteBusy(err error) bool {
	return strings.Contains(err.Error(), "database is locked")
}
