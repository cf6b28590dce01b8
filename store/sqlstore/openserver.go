package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/b4468f51/session/store"
)

func init() {
	for _, name := range []string{"postgres", "postgresql"} {
		store.Register(name, func(rawURL string) (store.Store, error) { return openServer(rawURL, postgresSource) })
	}
	for _, name := range []string{"mysql", "mariadb"} {
		store.Register(name, func(rawURL string) (store.Store, error) { return openServer(rawURL, mysqlSource) })
	}
}

const (
	// maxConns is how many connections a store opens at most: several
	// processes fit into the hundred that a server has by default.
	maxConns = 25

	// Connections that are not needed are closed, and all of them in time, so
	// that after a failover or behind a load balancer none stays for ever
	// where it was.
	maxConnIdle = 5 * time.Minute
	maxConnLife = 30 * time.Minute

	// openLimit is how long a server may take to be reached, and the table to
	// be created.
	openLimit = 30 * time.Second
)

// A source is what to open: a driver, the name of the database for it, and how
// to speak to it.
type source struct {
	driver  string
	name    string
	dialect Dialect
}

// openServer opens the database of a URL, and makes it ready for sessions.
func openServer(rawURL string, choose func(serverURL, []string) (source, error)) (store.Store, error) {
	u, err := parseServerURL(rawURL)
	if err != nil {
		return nil, err
	}
	src, err := choose(u, sql.Drivers())
	if err != nil {
		return nil, err
	}
	s, err := src.open(u.opts)
	if err != nil {
		return nil, u.redact(err)
	}
	return s, nil
}

func (src source) open(opts Options) (*Store, error) {
	db, err := sql.Open(src.driver, src.name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	db.SetConnMaxIdleTime(maxConnIdle)
	db.SetConnMaxLifetime(maxConnLife)
	ctx, cancel := context.WithTimeout(context.Background(), openLimit)
	defer cancel()
	s, err := New(db, src.dialect, opts)
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

// postgresSource names a database to pgx or to lib/pq, whose names are URLs.
func postgresSource(u serverURL, linked []string) (source, error) {
	src := source{dialect: PostgreSQL}
	switch {
	case slices.Contains(linked, "pgx"):
		src.driver = "pgx"
		if u.opts.Unprepared {
			u.setDefault("default_query_exec_mode", "exec")
		}
	case slices.Contains(linked, "postgres"):
		src.driver = "postgres"
		if u.opts.Unprepared {
			u.setDefault("binary_parameters", "yes")
		}
	default:
		return src, errors.New(`sqlstore: no driver for PostgreSQL: import _ "github.com/jackc/pgx/v5/stdlib" or _ "github.com/lib/pq"`)
	}
	user := u.user
	if u.password != "" {
		user += ":" + u.password
	}
	if user != "" {
		user += "@"
	}
	src.name = "postgres://" + user + u.hosts + u.path + u.query()
	return src, nil
}

// mysqlSource names a database to go-sql-driver/mysql: user:pw@tcp(host:port)/db,
// with a user and a password that are not encoded.
func mysqlSource(u serverURL, linked []string) (source, error) {
	src := source{driver: "mysql", dialect: MySQL}
	if !slices.Contains(linked, "mysql") {
		return src, errors.New(`sqlstore: no driver for MySQL and MariaDB: import _ "github.com/go-sql-driver/mysql"`)
	}
	if strings.Contains(u.hosts, ",") {
		return src, errors.New("sqlstore: the URL names several hosts, and the driver for MySQL takes one")
	}
	if strings.Trim(u.path, "/") == "" {
		return src, errors.New("sqlstore: the URL names no database, as in mysql://user:password@host/database")
	}
	user, err := url.PathUnescape(u.user)
	if err != nil || strings.Contains(user, ":") {
		return src, errors.New("sqlstore: the user's name holds a colon, which the driver for MySQL takes for its end")
	}
	password, err := url.PathUnescape(u.password)
	if err != nil {
		return src, errEncoding
	}
	if u.opts.Unprepared {
		u.setDefault("interpolateParams", "true")
	}
	if password != "" {
		user += ":" + password
	}
	if user != "" {
		user += "@"
	}
	src.name = fmt.Sprintf("%stcp(%s)%s%s", user, mysqlAddr(u.hosts), u.path, u.query())
	return src, nil
}

// mysqlAddr is the address of a host, with the port where it is left out.
func mysqlAddr(host string) string {
	switch {
	case host == "":
		return "127.0.0.1:3306"
	case strings.HasSuffix(host, "]") || !strings.Contains(host, ":"):
		return net.JoinHostPort(strings.Trim(host, "[]"), "3306")
	}
	return host
}
