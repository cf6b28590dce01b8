package integration

import (
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// Each operation is one round trip, once its statement is prepared, and from
// the first on where none is.
func TestDatabasesRoundTrips(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			dsn := d.dsn(t)
			addr := addrOf(t, dsn)
			proxy, trips := countTrips(t, addr)
			db := openSQL(t, d.driver, strings.Replace(dsn, addr, proxy, 1))
			db.SetMaxOpenConns(1)
			table := newTable(t, openSQL(t, d.driver, dsn))
			s := newStore(t, db, d.dialect, sqlstore.Options{Table: table, Unprepared: d.unprepared})
			for round := range 2 {
				r := newRecord(500)
				n := newRecord(500)
				n.ID = r.ID
				for _, op := range []struct {
					name string
					do   func() error
				}{
					{"Create", func() error { return s.Create(t.Context(), r) }},
					{"Load", func() error { _, err := s.Load(t.Context(), r.ID); return err }},
					{"Save", func() error { return s.Save(t.Context(), n, r.Version) }},
					{"Touch", func() error { return s.Touch(t.Context(), r.ID, n.Version, n.Seen, n.Expires) }},
					{"List", func() error { _, err := collect(s.List(t.Context(), r.Subject)); return err }},
					{"Ping", func() error { return s.Ping(t.Context()) }},
					{"GC", func() error { _, err := store.GC(t.Context(), s); return err }},
					{"Delete", func() error { return s.Delete(t.Context(), r.ID) }},
				} {
					before := trips.Load()
					if err := op.do(); err != nil {
						t.Errorf("%s: %v", op.name, err)
					}
					if got := trips.Load() - before; got != 1 && (round == 1 || d.unprepared) {
						t.Errorf("%s took %d round trips, want 1", op.name, got)
					}
				}
			}
		})
	}
}

// addrOf returns the host and port in a URL or a DSN.
func addrOf(t *testing.T, dsn string) string {
	t.Helper()
	if _, after, ok := strings.Cut(dsn, "tcp("); ok {
		addr, _, _ := strings.Cut(after, ")")
		return addr
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// countTrips returns the address of a proxy, and how often it was that the
// server spoke after the client had.
func countTrips(t *testing.T, addr string) (string, *atomic.Int64) {
	t.Helper()
	proxy, trips, _ := countTraffic(t, addr)
	return proxy, trips
}

// countTraffic is countTrips, and counts the bytes that the client has sent.
func countTraffic(t *testing.T, addr string) (proxy string, trips, sent *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	trips, sent = new(atomic.Int64), new(atomic.Int64)
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				return
			}
			asked := new(atomic.Bool)
			go pass(server, client, func(n int) { asked.Store(true); sent.Add(int64(n)) })
			go pass(client, server, func(int) {
				if asked.Swap(false) {
					trips.Add(1)
				}
			})
		}
	}()
	return l.Addr().String(), trips, sent
}

// pass copies from one to the other, and tells before each write of how many
// bytes.
func pass(to, from net.Conn, tell func(n int)) {
	defer to.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			tell(n)
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
