package sqlstore

import (
	"regexp"
	"strings"

	"github.com/b4468f51/session/store"
)

// mysqlQueries returns what to say to MySQL and MariaDB.
//
// Bytes are compared as bytes, without case or padding, in the columns of
// binary type and in no other.
//
// The server counts the rows that changed, or those that matched, as the
// driver has asked it to (clientFoundRows). For Save that is the same, since
// the version changes. Nothing else asks how many rows were updated.
func mysqlQueries(schema, table string) queries {
	quote := func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
	t := quote(table)
	in, inArgs := "DATABASE()", []any{}
	if schema != "" {
		t, in, inArgs = quote(schema)+"."+t, "?", []any{schema}
	}
	const columns = "id, version, created, seen, expires, deadline, subject, data"
	return queries{
		schema: []string{
			"CREATE TABLE IF NOT EXISTS " + t + ` (
	id BINARY(16) NOT NULL PRIMARY KEY,
	version BIGINT NOT NULL,
	created BIGINT NOT NULL,
	seen BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	deadline BIGINT NOT NULL,
	subject VARBINARY(512) NOT NULL,
	data MEDIUMBLOB NOT NULL,
	INDEX expires (expires),
	INDEX subject (subject, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC`,
		},
		present: "SELECT count(*) > 0 FROM information_schema.tables" +
			" WHERE table_schema = " + in + " AND table_name = ?",
		presentArgs: append(inArgs, table),

		load: "SELECT " + columns + " FROM " + t + " WHERE id = ? AND expires > ?",
		// INSERT IGNORE would count right as well, and ignore that data was cut
		// off; ON DUPLICATE KEY UPDATE does not count right with clientFoundRows.
		create: "INSERT INTO " + t + " (" + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		// An assignment sees those before it, so seen comes after expires.
		save: "UPDATE " + t + " SET version = ?, expires = CASE WHEN seen > ? THEN expires ELSE ? END," +
			" seen = GREATEST(seen, ?), deadline = ?, subject = ?, data = ?" +
			" WHERE id = ? AND version = ? AND expires > ?",
		touch: "UPDATE " + t + " SET seen = ?, expires = ?" +
			" WHERE id = ? AND version = ? AND expires > ? AND seen <= ?",
		delete:    "DELETE FROM " + t + " WHERE id = ?",
		clear:     "DELETE FROM " + t + " WHERE id = ? AND expires <= ?",
		list:      "SELECT " + columns + " FROM " + t + " WHERE subject = ? AND id > ? AND expires > ? ORDER BY id LIMIT ?",
		ids:       "SELECT id, expires FROM " + t + " WHERE subject = ? AND id > ? AND expires > ? ORDER BY id LIMIT ?",
		deleteIDs: "DELETE FROM " + t + " WHERE subject = ? AND id IN (" + questions(store.MaxBatch) + ")",
		remaining: "SELECT id FROM " + t + " WHERE id IN (" + questions(store.MaxBatch) + ")",
		loadIDs:   "SELECT " + columns + " FROM " + t + " WHERE expires > ? AND id IN (" + questions(store.MaxBatch) + ")",
		// Comments that MySQL and MariaDB run from these versions on. Before
		// them, collectors wait for each other.
		gc: "DELETE s FROM (SELECT id, expires FROM " + t + " WHERE expires <= ? ORDER BY expires LIMIT ?" +
			" FOR UPDATE /*!80001 SKIP LOCKED */ /*M!100600 SKIP LOCKED */) AS past" +
			" STRAIGHT_JOIN " + t + " AS s ON s.id = past.id WHERE s.expires = past.expires",
		ping:  "SELECT EXISTS (SELECT 1 FROM " + t + ")",
		busy:  mysqlBusy,
		taken: mysqlTaken.MatchString,
	}
}

// The number of an error is in its text, whichever the driver and the language
// of the server. A statement that fails with one of them has done nothing.
var (
	mysqlTaken = regexp.MustCompile(`(?i)\berror 1062\b`)

	// A deadlock, a lock that took too long, and what MariaDB says from 11.6
	// on where a row has changed under a snapshot.
	mysqlLocked = regexp.MustCompile(`(?i)\berror (1213|1205|1020)\b`)
)

func mysqlBusy(err error) bool { return mysqlLocked.MatchString(err.Error()) }
