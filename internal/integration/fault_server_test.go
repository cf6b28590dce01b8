package integration

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

var postgresTarget = target{"postgres", func(t *testing.T) (func(t *testing.T) store.Store, []fault) {
	return databaseTarget(t, testserver.Postgres, postgresOf, "pgx", sqlstore.PostgreSQL, func(_ *testing.T, u string) string { return u })
}}

var mysqlTarget = target{"mysql", func(t *testing.T) (func(t *testing.T) store.Store, []fault) {
	return databaseTarget(t, testserver.MariaDB, mysqlOf, "mysql", sqlstore.MySQL,
		func(t *testing.T, u string) string { return mysqlDSN(t, u) })
}}

func databaseTarget(t *testing.T, p testserver.Program, urlOf func(*testserver.Server) string,
	driver string, dialect sqlstore.Dialect, dsnOf func(*testing.T, string) string,
) (func(t *testing.T) store.Store, []fault) {
	server := testserver.Start(t, p)
	link := newLink(t, server)
	dsn := dsnOf(t, link.url(t, urlOf(server)))
	pool := new(pools)
	open := func(t *testing.T) store.Store {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(poolSize)
		db.SetMaxIdleConns(poolSize)
		pool.add(db)
		s, err := sqlstore.New(db, dialect, sqlstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return closing{s, db}
	}
	return open, append(serverFaults(server, link),
		fault{name: "the pool is exhausted", inject: pool.exhaust, heal: pool.release})
}

// closing closes the database of a store with it. No operation may have kept a
// connection.
type closing struct {
	*sqlstore.Store
	db *sql.DB
}

func (s closing) Close() error {
	if n := s.db.Stats().InUse; n > 0 {
		return fmt.Errorf("%d connections are still in use", n)
	}
	return errors.Join(s.Store.Close(), s.db.Close())
}

const poolSize = 8

// pools are the connections of the stores that were opened last.
type pools struct {
	dbs   []*sql.DB
	taken []*sql.Conn
}

func (p *pools) add(db *sql.DB) { p.dbs = append(p.dbs, db) }

// exhaust takes every connection of the two newest pools.
func (p *pools) exhaust(t *testing.T) {
	for _, db := range p.dbs[len(p.dbs)-2:] {
		for range poolSize {
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p.taken = append(p.taken, conn)
		}
	}
}

func (p *pools) release(*testing.T) {
	for _, conn := range p.taken {
		conn.Close()
	}
	p.taken = nil
}

// serverFaults are what happens to any server, and to the way to it.
func serverFaults(s *testserver.Server, l *link) []fault {
	return append([]fault{
		{name: "killed", inject: func(*testing.T) { s.Kill() }, heal: func(t *testing.T) { s.Restart(t) }},
		{name: "frozen", inject: func(*testing.T) { s.Freeze() }, heal: func(*testing.T) { s.Thaw() }},
	}, connectionFaults(l)...)
}

// connectionFaults are what happens on the way to one server or several.
func connectionFaults(l *link) []fault {
	return []fault{
		{name: "the connection is cut", inject: l.cut, heal: l.start},
		{name: "the connection is slow", inject: l.toxic(`{"type":"latency","attributes":{"latency":2500}}`), heal: l.reset},
		{name: "the connection is silent", inject: l.toxic(`{"type":"timeout","attributes":{"timeout":0}}`), heal: l.reset},
		{name: "the connection is reset", inject: l.toxic(`{"type":"reset_peer","attributes":{"timeout":0}}`), heal: l.reset},
	}
}

// A link is the way to servers: a proxy before each.
type link struct {
	proxies []*toxiproxy.Proxy
	at      map[string]string // the address of a server: that of its proxy
}

func newLink(t *testing.T, servers ...*testserver.Server) *link {
	t.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &link{at: map[string]string{}}
	for _, s := range servers {
		port, err := testserver.FreePort() // which it gets again after a cut
		if err != nil {
			t.Fatal(err)
		}
		l.proxies = append(l.proxies, toxiproxy.NewProxy(api, s.Addr(), fmt.Sprint("127.0.0.1:", port), s.Addr()))
	}
	l.start(t)
	for _, p := range l.proxies {
		l.at[p.Upstream] = p.Listen
	}
	t.Cleanup(func() { l.cut(t) })
	return l
}

func (l *link) start(t *testing.T) {
	t.Helper()
	for _, p := range l.proxies {
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *link) cut(*testing.T) {
	for _, p := range l.proxies {
		p.Stop()
	}
}

// url replaces the server's address in a URL by that of the link.
func (l *link) url(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = l.at[u.Host]
	return u.String()
}

// dial connects by the link to the address that a server says it has.
func (l *link) dial(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
	at, ok := l.at[addr]
	if !ok {
		return nil, fmt.Errorf("%s is the address of no server", addr)
	}
	return d.DialContext(ctx, "tcp", at)
}

// toxic returns a fault of the connection, in both directions.
func (l *link) toxic(what string) func(t *testing.T) {
	return func(t *testing.T) {
		for _, p := range l.proxies {
			for _, stream := range []string{"upstream", "downstream"} {
				what := strings.Replace(what, "{", fmt.Sprintf(`{"stream":%q,"name":%[1]q,`, stream), 1)
				if _, err := p.Toxics.AddToxicJson(strings.NewReader(what)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// reset takes every toxic away, and the connections that were under it: one
// that lost bytes is of no use to anybody.
func (l *link) reset(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, p := range l.proxies {
		p.Toxics.ResetToxics(ctx)
	}
}
