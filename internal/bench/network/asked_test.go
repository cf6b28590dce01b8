package network

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/mattn/go-sqlite3"
)

// countTrips returns the address of a proxy, and how often it was that the
// server behind it spoke after the client had: with one request at a time, how
// often a store was asked.
func countTrips(tb testing.TB, addr string) (proxy string, trips *atomic.Int64) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	trips = new(atomic.Int64)
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
			go pass(server, client, func() { asked.Store(true) })
			go pass(client, server, func() {
				if asked.Swap(false) {
					trips.Add(1)
				}
			})
		}
	}()
	return l.Addr().String(), trips
}

// pass copies from one to the other, and tells before each write.
func pass(to, from net.Conn, tell func()) {
	defer to.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			tell()
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// statements is how many statements SQLite was given by this process, where it
// counts them: at the path /statements.
var statements atomic.Int64

// countStatements has the store of this module, and openSQLite, open SQLite by
// way of a driver that counts. It differs in name from the one that does not.
func countStatements(mux *http.ServeMux) {
	mux.HandleFunc("/statements", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, statements.Load())
	})
	sqliteDriver = "sqlite" // the store prefers it where there are both
	sql.Register(sqliteDriver, countingDriver{})
}

type countingDriver struct{}

func (countingDriver) Open(name string) (driver.Conn, error) {
	c, err := new(sqlite3.SQLiteDriver).Open(name)
	if err != nil {
		return nil, err
	}
	return countingConn{c.(*sqlite3.SQLiteConn)}, nil
}

type countingConn struct{ *sqlite3.SQLiteConn }

func (c countingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	statements.Add(1)
	return c.SQLiteConn.ExecContext(ctx, query, args)
}

func (c countingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	statements.Add(1)
	return c.SQLiteConn.QueryContext(ctx, query, args)
}

func (c countingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.SQLiteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return countingStmt{s.(*sqlite3.SQLiteStmt)}, nil
}

type countingStmt struct{ *sqlite3.SQLiteStmt }

func (s countingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	statements.Add(1)
	return s.SQLiteStmt.ExecContext(ctx, args)
}

func (s countingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	statements.Add(1)
	return s.SQLiteStmt.QueryContext(ctx, args)
}
