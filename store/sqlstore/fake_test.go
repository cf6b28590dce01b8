package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync/atomic"
	"testing"
)

// A fakeDriver answers every statement with what exec returns: rows affected,
// or an error. A query has no rows.
type fakeDriver struct {
	exec     func(query string) (int64, error)
	prepared atomic.Int64
	closed   atomic.Int64
}

// fakeStore returns a Store over a driver that answers with exec.
func fakeStore(t *testing.T, exec func(query string) (int64, error), opts Options) (*Store, *fakeDriver) {
	t.Helper()
	d := &fakeDriver{exec: exec}
	db := sql.OpenDB(d)
	s, err := New(db, SQLite, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		db.Close()
	})
	return s, d
}

func (d *fakeDriver) Connect(context.Context) (driver.Conn, error) { return fakeConn{d}, nil }
func (d *fakeDriver) Driver() driver.Driver                        { return d }
func (d *fakeDriver) Open(string) (driver.Conn, error)             { return fakeConn{d}, nil }

type fakeConn struct{ d *fakeDriver }

func (c fakeConn) Close() error              { return nil }
func (c fakeConn) Begin() (driver.Tx, error) { return nil, errors.New("a transaction was begun") }
func (c fakeConn) Prepare(query string) (driver.Stmt, error) {
	c.d.prepared.Add(1)
	return fakeStmt{c.d, query}, nil
}

type fakeStmt struct {
	d     *fakeDriver
	query string
}

func (s fakeStmt) Close() error  { s.d.closed.Add(1); return nil }
func (s fakeStmt) NumInput() int { return -1 }
func (s fakeStmt) Exec([]driver.Value) (driver.Result, error) {
	n, err := s.d.exec(s.query)
	return driver.RowsAffected(n), err
}
func (s fakeStmt) Query([]driver.Value) (driver.Rows, error) {
	_, err := s.d.exec(s.query)
	return noRows{}, err
}

type noRows struct{}

func (noRows) Columns() []string         { return make([]string, 8) }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }
