package sqlstore

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/b4468f51/session/store"
)

// postgresNameMax is the longest table's name whose indexes can be named after
// it: PostgreSQL cuts names off after 63 bytes.
const postgresNameMax = 63 - len("_subject")

// postgresQueries returns what to say to PostgreSQL.
//
// An UPDATE writes a new version of the row. It is a heap-only one (HOT), which
// no index needs to know of and no VACUUM has to clean up, where no column with
// an index changes and the page has room. So expires has no index. The column
// due has, which is never later than expires, and which a touch leaves alone
// unless expires moves below it. GC looks at what is due, deletes what has
// expired, and moves due of the rest: once per idle timeout, not per touch.
//
// With the fillfactor a page keeps room for one version more of the largest row
// that is kept in it. Larger data is kept beside the table (TOAST), and stays
// as it is when a touch changes other columns.
func postgresQueries(schema, table string) (queries, error) {
	if len(table) > postgresNameMax {
		return queries{}, fmt.Errorf("sqlstore: the table's name is %d bytes long, and at most %d in PostgreSQL",
			len(table), postgresNameMax)
	}
	t, due, subject := quote(table), quote(table+"_due"), quote(table+"_subject")
	// Without a schema, a table of the second schema in search_path is not ours.
	in, path := "quote_ident(current_schema())", "SELECT current_setting('search_path'), coalesce(current_schema(), '')"
	if schema != "" {
		path = ""
		t, in = quote(schema)+"."+t, "'"+strings.ReplaceAll(quote(schema), "'", "''")+"'"
	}
	const columns = "id, version, created, seen, expires, deadline, subject, data"
	return queries{
		schema: []string{
			"CREATE TABLE IF NOT EXISTS " + t + ` (
	id BYTEA NOT NULL PRIMARY KEY,
	version BIGINT NOT NULL,
	created BIGINT NOT NULL,
	seen BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	deadline BIGINT NOT NULL,
	due BIGINT NOT NULL,
	subject TEXT COLLATE "C" NOT NULL,
	data BYTEA NOT NULL
) WITH (fillfactor = 70)`,
			"CREATE INDEX IF NOT EXISTS " + due + " ON " + t + " (due)",
			// Anonymous sessions are never listed, and the most.
			"CREATE INDEX IF NOT EXISTS " + subject + " ON " + t + " (subject, id) WHERE subject <> ''",
		},
		schemaLock: fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", lockNumber(table)),
		path:       path,
		present: "SELECT to_regclass(s.name || '.' || $1::text) IS NOT NULL" +
			" AND to_regclass(s.name || '.' || $2::text) IS NOT NULL" +
			" AND to_regclass(s.name || '.' || $3::text) IS NOT NULL" +
			" FROM (SELECT " + in + " AS name) AS s",
		presentArgs: []any{quote(table), due, subject},

		load: "SELECT " + columns + " FROM " + t + " WHERE id = $1 AND expires > $2",
		create: "INSERT INTO " + t + " (" + columns + ", due)" +
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $5) ON CONFLICT (id) DO NOTHING",
		save: "UPDATE " + t + " SET version = $1, expires = CASE WHEN seen > $2 THEN expires ELSE $3 END," +
			" due = CASE WHEN seen > $2 THEN due ELSE LEAST(due, $3) END," +
			" seen = GREATEST(seen, $4), deadline = $5, subject = $6, data = $7" +
			" WHERE id = $8 AND version = $9 AND expires > $10",
		touch: "UPDATE " + t + " SET seen = $1, expires = $2, due = LEAST(due, $2)" +
			" WHERE id = $3 AND version = $4 AND expires > $5 AND seen <= $6",
		delete: "DELETE FROM " + t + " WHERE id = $1",
		clear:  "DELETE FROM " + t + " WHERE id = $1 AND expires <= $2",
		// The second condition lets PostgreSQL use the index, which is partial.
		list: "SELECT " + columns + " FROM " + t +
			" WHERE subject = $1 AND subject <> '' AND id > $2 AND expires > $3 ORDER BY id LIMIT $4",
		ids: "SELECT id, expires FROM " + t +
			" WHERE subject = $1 AND subject <> '' AND id > $2 AND expires > $3 ORDER BY id LIMIT $4",
		// Where it had to wait for somebody who moved a record to another
		// subject, it looks at the subject again.
		deleteIDs: "DELETE FROM " + t + " WHERE subject = $1 AND id IN (" + dollars(2, store.MaxBatch) + ")",
		remaining: "SELECT id FROM " + t + " WHERE id IN (" + dollars(1, store.MaxBatch) + ")",
		loadIDs:   "SELECT " + columns + " FROM " + t + " WHERE expires > $1 AND id IN (" + dollars(2, store.MaxBatch) + ")",
		// What another has locked is passed over: another collector is at it,
		// or somebody keeps it alive. An array of IDs, and not a join, has the
		// rows found by the primary key whatever the planner expects.
		gc: "WITH past AS (SELECT id, expires FROM " + t +
			" WHERE due <= $1 ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED)," +
			" alive AS (UPDATE " + t + " SET due = expires" +
			" WHERE id = ANY (ARRAY(SELECT id FROM past WHERE expires > $1)))," +
			" gone AS (DELETE FROM " + t +
			" WHERE id = ANY (ARRAY(SELECT id FROM past WHERE expires <= $1)) RETURNING 1)" +
			" SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM past)",
		gcCounts: true,
		ping:     "SELECT EXISTS (SELECT 1 FROM " + t + ")",
		busy:     postgresBusy,
	}, nil
}

// dollars returns so many parameters from a number on, with commas between.
func dollars(from, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ", $%d", from+i)
	}
	return b.String()[2:]
}

// lockNumber returns the number of the advisory lock that is held to create a
// table.
func lockNumber(table string) int64 {
	h := fnv.New64a()
	h.Write([]byte("session/sqlstore\x00" + table))
	return int64(h.Sum64())
}

// postgresBusy recognizes serialization failures, where the database's default
// is stricter than read committed, and deadlocks. Drivers have this method in
// common. A statement that fails with one of them was rolled back.
func postgresBusy(err error) bool {
	var state interface{ SQLState() string }
	if !errors.As(err, &state) {
		return false
	}
	return state.SQLState() == "40001" || state.SQLState() == "40P01"
}

// firstSchema returns the first schema of a search_path as PostgreSQL reads it, and
// "" where that is any that is there: "$user", which need not be.
func firstSchema(path string) string {
	path = strings.TrimSpace(path)
	if quoted, ok := strings.CutPrefix(path, `"`); ok {
		var name strings.Builder
		for part := range strings.SplitSeq(quoted, `""`) { // stands for one
			before, _, end := strings.Cut(part, `"`)
			name.WriteString(before)
			if end {
				break
			}
			name.WriteByte('"')
		}
		path = name.String()
	} else {
		path, _, _ = strings.Cut(path, ",")
		path = strings.ToLower(strings.TrimSpace(path))
	}
	if path == "$user" || strings.HasPrefix(path, "pg_") {
		return ""
	}
	return path
}
