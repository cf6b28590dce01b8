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

// A watchedDriver is the driver of SQLite, and tells each statement that it
// runs to a function.
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
	db := sql.OpenDB(d)
	t.Cleanup(func() { db.Close() })
	s, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, d
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
	return watchedConn{c, d}, err
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
	return watchedStmt{s, query, c.d}, err
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
