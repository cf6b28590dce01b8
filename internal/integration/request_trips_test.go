package integration

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
	"github.com/b4468f51/session/store/sqlstore"
)

// A tripCase is a store, and what it was asked since the last call: statements
// or commands as its server sees them, round trips where those can be seen.
type tripCase struct {
	name string
	open func(t *testing.T) (s store.Store, trips func() int)

	// touch is what it costs to write down the use of a signed-in session.
	touch int
}

var tripCases = []tripCase{
	{"memory", func(t *testing.T) (store.Store, func() int) {
		s := newSpy(memstore.New())
		return s, func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			n := 0
			for _, calls := range s.calls {
				n += calls
			}
			clear(s.calls)
			return n
		}
	}, 1},
	{"sqlite", func(t *testing.T) (store.Store, func() int) {
		s, d := watchedStore(t, filepath.Join(t.TempDir(), "app.db"))
		n := 0 // requests come one after the other
		d.tell(func(string) { n++ })
		return s, func() int {
			defer func() { n = 0 }()
			return n
		}
	}, 1},
	databaseTrips("postgres"),
	databaseTrips("postgres-pq"),
	databaseTrips("mysql"),
	{"redis", func(t *testing.T) (store.Store, func() int) {
		server := testserver.Start(t, testserver.Redis("Redis of few trips"))
		proxy, trips := countTrips(t, server.Addr())
		return openStore(t, "redis://"+proxy), func() int { return int(trips.Swap(0)) }
	}, 1},
	// What follows counts commands. The index of a subject's sessions is
	// elsewhere than the session, in Cluster on another server, and is told at
	// the same time.
	{"redis-sentinel", func(t *testing.T) (store.Store, func() int) {
		g := testserver.StartRedisSentinel(t)
		return openStore(t, g.URL()), commands(t, g.Nodes[0])
	}, 2},
	{"redis-cluster", func(t *testing.T) (store.Store, func() int) {
		g := testserver.StartRedisCluster(t)
		return openStore(t, g.URL()), commands(t, masters(t, g.Nodes)...)
	}, 2},
}

// databaseTrips counts on the wire.
func databaseTrips(name string) tripCase {
	d := databases[slices.IndexFunc(databases, func(d database) bool { return d.name == name })]
	return tripCase{d.name, func(t *testing.T) (store.Store, func() int) {
		dsn := d.dsn(t)
		addr := addrOf(t, dsn)
		proxy, trips := countTrips(t, addr)
		db := openSQL(t, d.driver, strings.Replace(dsn, addr, proxy, 1))
		db.SetMaxOpenConns(1)
		table := newTable(t, openSQL(t, d.driver, dsn))
		s := newStore(t, db, d.dialect, sqlstore.Options{Table: table})
		return s, func() int { return int(trips.Swap(0)) }
	}, 1}
}

// commands counts what clients send to nodes, but for what they ask about the
// nodes themselves.
func commands(t *testing.T, nodes ...*testserver.Server) func() int {
	var monitors []*testserver.RedisMonitor
	for _, node := range nodes {
		monitors = append(monitors, testserver.MonitorRedis(t, node.Addr()))
	}
	return func() int {
		n := 0
		for _, m := range monitors {
			for _, name := range strings.Fields(names(m.Told(t))) {
				if !slices.Contains([]string{"INFO", "ROLE", "PUBLISH", "CLUSTER", "COMMAND"}, name) {
					n++
				}
			}
		}
		return n
	}
}

// What a whole request costs: nothing where there is no session, one round trip
// to read it, one more per interval to write down that it was used, two to
// change it.
func TestRequestRoundTrips(t *testing.T) {
	for _, tt := range tripCases {
		t.Run(tt.name, func(t *testing.T) {
			s, trips := tt.open(t)
			e := &env{t: t, open: func() store.Store { return s }, side: s}
			m := e.newMachine(session.Config{GCInterval: -1})
			c, id := e.signedIn(m, "u")
			stranger := e.newClient()
			// Statements are prepared, and scripts sent, when they are first used.
			c.get(m, "/set?k=v").want("a change", http.StatusOK, "")
			e.age(id, 5*time.Minute)
			c.get(m, "/read")
			forged := makeToken(newID(), make([]byte, secretSize))

			const signedIn = "u map[k:v]"
			for _, step := range []struct {
				name   string
				before func()
				answer func() answer
				body   string
				trips  int
			}{
				{"a stranger is shown a page", nil, func() answer { return stranger.get(m, "/none") }, "", 0},
				{"a stranger's session is read", nil, func() answer { return stranger.get(m, "/read") }, nobody, 0},
				{"a stranger signs out", nil, func() answer { return stranger.get(m, "/logout") }, "", 0},
				{"a malformed token", nil, func() answer { return m.as("x", "/read") }, nobody, 0},
				{"an unknown token", nil, func() answer { return m.as(forged, "/read") }, nobody, 1},
				{"a session is read", nil, func() answer { return c.get(m, "/read") }, signedIn, 1},
				{"a session is not even read", nil, func() answer { return c.get(m, "/none") }, "", 1},
				{"a session is read after an interval", func() { e.age(id, 5*time.Minute) },
					func() answer { return c.get(m, "/read") }, signedIn, 1 + tt.touch},
				{"and once more", nil, func() answer { return c.get(m, "/read") }, signedIn, 1},
				{"a session is changed", nil, func() answer { return c.get(m, "/set?k=w") }, "", 2},
				{"and read", nil, func() answer { return c.get(m, "/read") }, "u map[k:w]", 1},
				{"what is there is set", nil, func() answer { return c.get(m, "/set?k=w") }, "", 1},
				{"a session is changed after an interval", func() { e.age(id, 5*time.Minute) },
					func() answer { return c.get(m, "/set?k=x") }, "", 2},
			} {
				if step.before != nil {
					step.before()
				}
				trips()
				a := step.answer()
				if got := trips(); got != step.trips {
					t.Errorf("%s: %d round trips, want %d", step.name, got, step.trips)
				}
				a.want(step.name, http.StatusOK, step.body)
			}
		})
	}
}
