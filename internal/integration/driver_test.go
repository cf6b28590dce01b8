package integration

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"

	"github.com/b4468f51/session/store/sqlstore"
)

// A watchedDriver is a driver that tells each statement that it runs to a
// function.
type watchedDriver struct {
	driver driver.Driver
	dsn    string

	mu    sync.Mutex
	watch func(query string) // nil for nobody
}

// watchedStore returns a Store over a file, migrated, and its driver.
func watchedStore(t *testing.T, path string) (*sqlstore.Store, *watchedDriver) {
	t.Helper()
	d := &watchedDriver{
		driver: openDB(t, path).Driver(),
		dsn:    "file:" + path + "?_pragma=busy_timeout(100)&_pragma=journal_mode(WAL)",
	}
	return newStore(t, openConnector(t, d), sqlstore.SQLite, sqlstore.Options{}), d
}

// openConnector opens a database that is closed when the test ends.
func openConnector(t *testing.T, c driver.Connector) *sql.DB {
	db := sql.OpenDB(c)
	t.Cleanup(func() { db.Close() })
	return db
}

// tell has each statement from now on told to watch.
func (d *watchedDriver) tell(watch func(query string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watch = watch
}

func (d *watchedDriver) told(query string) {
	d.mu.Lock()
	watch := d.watch
	d.mu.Unlock()
	if watch != nil {
		watch(query)
	}
}

func (d *watchedDriver) Connect(context.Context) (driver.Conn, error) {
	c, err := d.driver.Open(d.dsn)
	if err != nil {
		return nil, err
	}
	return watchedConn{c, d}, nil
}

func (d *watchedDriver) Driver() driver.Driver { return d.driver }

// A watchedConn offers of a connection what leads to statements, so that all
// of them come by.
type watchedConn struct {
	conn driver.Conn
	d    *watchedDriver
}

func (c watchedConn) Close() error { return c.conn.Close() }

func (c watchedConn) Begin() (driver.Tx, error) {
	return nil, errors.New("a transaction was begun")
}

func (c watchedConn) Prepare(query string) (driver.Stmt, error) {
	s, err := c.conn.Prepare(query)
	if err != nil {
		return nil, err
	}
	return watchedStmt{s, query, c.d}, nil
}

type watchedStmt struct {
	driver.Stmt
	query string
	d     *watchedDriver
}

func (s watchedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.d.told(s.query)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s watchedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.d.told(s.query)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}
