package network

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/b4468f51/session/internal/integration/testserver"
)

// A target is a store on a server of its own.
type target struct {
	name string
	url  string
	addr string // of the server; "" where there is none
	pid  int    // of the server; 0 where there is none
}

// targets start the stores' servers, for one test. What they keep is as durable
// for every contestant, since all use the same.
var targets = map[string]func(testing.TB) target{
	"memory":        func(testing.TB) target { return target{name: "memory", url: "memory:"} },
	"sqlite":        func(tb testing.TB) target { return sqliteTarget(tb, "full") },
	"sqlite-normal": func(tb testing.TB) target { return sqliteTarget(tb, "normal") },
	"redis": func(tb testing.TB) target {
		s := testserver.Start(tb, testserver.Redis("Redis of measurements", "--appendfsync", "everysec"))
		return target{"redis", "redis://" + s.Addr(), s.Addr(), s.PID()}
	},
	"postgres": func(tb testing.TB) target {
		p := testserver.Postgres
		args := p.Args
		// As PostgreSQL is by default, rather than as it is for tests.
		p.Args = func(s *testserver.Server) []string {
			return append(args(s), "-c", "fsync=on", "-c", "autovacuum=on", "-c", "shared_buffers=128MB")
		}
		s := testserver.Start(tb, p)
		return target{"postgres", postgresURL(s.Addr()), s.Addr(), s.PID()}
	},
}

func sqliteTarget(tb testing.TB, synchronous string) target {
	path := filepath.Join(tb.TempDir(), "sessions.db")
	return target{name: "sqlite", url: "sqlite:" + path + "?synchronous=" + synchronous}
}

func postgresURL(addr string) string {
	return "postgres://postgres@" + addr + "/postgres?sslmode=disable"
}

// schema makes a schema of its own for a contestant, and returns the URL of it.
func schema(tb testing.TB, url, name string) string {
	tb.Helper()
	name = strings.ReplaceAll(name, " ", "_")
	db, err := sql.Open("pgx", url)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE SCHEMA " + name); err != nil {
		tb.Fatal(err)
	}
	return url + "&search_path=" + name
}
