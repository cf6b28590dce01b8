package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/b4468f51/session/store"
)

func init() {
	store.Register("sqlite", func(rawURL string) (store.Store, error) {
		u, err := parseSQLiteURL(rawURL)
		if err != nil {
			return nil, err
		}
		return u.open(context.Background())
	})
}

// A sqliteURL is what a URL such as sqlite:app.db?table=sessions says.
type sqliteURL struct {
	path        string
	synchronous string // "FULL" or "NORMAL"
	opts        Options
}

// parseSQLiteURL reads a URL. Its query has its own rules, so that a mistyped
// parameter is an error and not ignored.
func parseSQLiteURL(rawURL string) (sqliteURL, error) {
	u := sqliteURL{synchronous: "FULL"}
	rest, ok := strings.CutPrefix(rawURL, "sqlite:")
	if !ok {
		return u, errors.New("a URL of SQLite begins with sqlite:, as in sqlite:app.db")
	}
	escaped, rawQuery, _ := strings.Cut(rest, "?")
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return u, err
	}
	if u.path, err = sqlitePath(path); err != nil {
		return u, err
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return u, err
	}
	for name, values := range query {
		if err := u.set(name, values); err != nil {
			return u, err
		}
	}
	return u, nil
}

// sqlitePath checks the path of a URL.
func sqlitePath(path string) (string, error) {
	if after, ok := strings.CutPrefix(path, "///"); ok {
		path = "/" + after // sqlite:///abs, with an authority that is empty
	}
	switch {
	case path == "":
		return "", errors.New("no path: want a file, as in sqlite:app.db")
	case strings.Contains(path, ":memory:"):
		return "", errors.New("an in-memory database belongs to one connection: use memory: of package memstore")
	case strings.HasPrefix(path, "//"):
		return "", errors.New("want a path after sqlite: and no host: sqlite:app.db, or sqlite:/var/lib/app.db")
	case strings.HasPrefix(path, "file:"):
		return "", errors.New("want a path after sqlite: and no other scheme, as in sqlite:app.db")
	case strings.ContainsRune(path, 0):
		return "", errors.New("the path holds a NUL")
	}
	return path, nil
}

// set sets a parameter.
func (u *sqliteURL) set(name string, values []string) error {
	value := values[0]
	switch name {
	case "table":
		if err := checkTable(value); err != nil {
			return err
		}
		u.opts.Table = value
	case "busy_timeout":
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Errorf("parameter busy_timeout is %q, want a positive duration with its unit, as in 10s", value)
		}
		u.opts.BusyTimeout = d
	case "synchronous":
		if value != "full" && value != "normal" {
			return fmt.Errorf("parameter synchronous is %q, want full or normal", value)
		}
		u.synchronous = strings.ToUpper(value)
	default:
		return fmt.Errorf("unknown parameter %q (there are busy_timeout, synchronous and table)", name)
	}
	if len(values) > 1 {
		return fmt.Errorf("parameter %s is given %d times", name, len(values))
	}
	return nil
}

// open opens the database, and makes it ready for sessions.
func (u sqliteURL) open(ctx context.Context) (*Store, error) {
	driver, err := sqliteDriver(sql.Drivers())
	if err != nil {
		return nil, err
	}
	// Connections are opened at any time, and must not end up in another file
	// because the working directory has changed.
	path, err := filepath.Abs(u.path)
	if err != nil {
		return nil, err
	}
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	db, err := sql.Open(driver, sqliteDSN(path, u.synchronous))
	if err != nil {
		return nil, err
	}
	// Each connection costs a file and a cache of two megabytes. More of them
	// than can read at once only wait for a processor.
	conns := max(4, runtime.GOMAXPROCS(0)) + 1
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	s, err := New(db, SQLite, u.opts)
	if err == nil {
		err = s.useWAL(ctx)
	}
	if err == nil {
		err = s.checkSynchronous(ctx, u.synchronous)
	}
	if err == nil {
		err = s.Migrate(ctx)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	s.closeDB = true
	return s, nil
}

// creating is held while a file of this process is open outside of SQLite.
var creating sync.Mutex

// createPrivate creates a file that is missing, for its owner alone, where
// SQLite would let everybody read it. SQLite gives its log the same mode.
//
// A file that is there is not opened, and none in two goroutines at once: on
// Unix, to close a file drops every lock that the process has on it, those of
// SQLite included, and the database would be corrupted.
func createPrivate(path string) error {
	creating.Lock()
	defer creating.Unlock()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// useWAL has the file kept in WAL mode. The mode is the file's own and stays,
// while to ask for it on each connection would fail, at once, beside others
// that do.
func (s *Store) useWAL(ctx context.Context) error {
	var mode string
	err := s.exclusive(ctx, func() error {
		return s.db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
	})
	if err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("sqlstore: the database is in journal mode %s, and cannot be in WAL mode", mode)
	}
	return nil
}

// checkSynchronous tells a driver that has ignored its parameters: it would
// lose what it acknowledged.
func (s *Store) checkSynchronous(ctx context.Context, want string) error {
	var level int
	err := s.attempt(ctx, func() error {
		return s.db.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&level)
	})
	if err != nil {
		return err
	}
	if names := []string{"OFF", "NORMAL", "FULL", "EXTRA"}; level < 0 || level >= len(names) || names[level] != want {
		return fmt.Errorf("sqlstore: synchronous is %d after %s was asked for: the driver ignores parameters", level, want)
	}
	return nil
}

// sqliteDriver chooses the driver: the first that is known.
func sqliteDriver(linked []string) (string, error) {
	for _, name := range []string{"sqlite", "sqlite3"} {
		if slices.Contains(linked, name) {
			return name, nil
		}
	}
	return "", errors.New(`sqlstore: no driver for SQLite: import _ "modernc.org/sqlite" or _ "github.com/mattn/go-sqlite3"`)
}

// sqliteDSN names a file to a driver, with what to set on each connection. A
// name is common to drivers that differ in the parameters they take, and
// ignore what they do not know: _pragma is that of modernc.org/sqlite and
// ncruces/go-sqlite3, the others that of mattn/go-sqlite3.
//
// The driver waits only so long for a lock, since most do so without an eye on
// the context; the Store waits on.
func sqliteDSN(path, synchronous string) string {
	// Where SQLite wants slashes, and where a path begins with a drive.
	path = filepath.ToSlash(path)
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(100)&_busy_timeout=100" +
		"&_pragma=synchronous(" + synchronous + ")&_synchronous=" + synchronous
}
