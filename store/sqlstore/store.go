package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/b4468f51/session/store"
)

// Options are the choices that [New] leaves open. The zero Options are good.
type Options struct {
	// Table is the name of the table. It is quoted, so that any name will do,
	// and a dot in it is part of the name. The default is "sessions".
	Table string

	// Schema is the schema that the table is in, and on MySQL the database. The
	// default is the first schema of PostgreSQL's search_path, which has to be
	// there, and the database that the connection names. SQLite has none.
	Schema string

	// BusyTimeout is how long an operation goes on trying while other
	// processes keep the database locked, or are in its way with a deadlock,
	// counted from when it was first refused. After it the database's error is
	// returned. An operation's context may end it sooner. The default is 10
	// seconds.
	BusyTimeout time.Duration

	// Unprepared has each statement sent as a whole, where a pooler such as
	// PgBouncer in transaction mode gives each transaction another connection,
	// one that may not know what was prepared. The driver has to be told as
	// well, or it prepares statements by itself: see the package's
	// documentation. The default is to prepare each statement once for each
	// connection.
	Unprepared bool
}

func (o Options) withDefaults() Options {
	if o.Table == "" {
		o.Table = defaultTable
	}
	if o.BusyTimeout == 0 {
		o.BusyTimeout = 10 * time.Second
	}
	return o
}

// A Store keeps sessions in a table. It implements [store.Store],
// [store.Lister], [store.SubjectDeleter], [store.Collector], [store.Pinger] and
// [store.Sharer]. Several Stores, in one process or many, may share a table.
type Store struct {
	db          *sql.DB
	closeDB     bool // the store opened it
	dialect     Dialect
	table       string // for errors
	queries     queries
	busyTimeout time.Duration
	unprepared  bool
	writer      chan struct{} // holds a value while one writes; nil where many may

	mu       sync.Mutex
	prepared map[string]*sql.Stmt
	closed   bool
}

var (
	_ store.SubjectDeleter = (*Store)(nil)
	_ store.Collector      = (*Store)(nil)
	_ store.Pinger         = (*Store)(nil)
	_ store.Sharer         = (*Store)(nil)
)

// New returns a Store over a database. It does not talk to the database: the
// table has to be there, from [Store.Migrate] or [Schema], before the Store is
// used. The database stays the caller's, to be closed after the Store.
//
// The Store takes a connection of db for each operation, and waits where all are
// in use. With SetMaxOpenConns(1), as it is common for SQLite, a handler that has a
// transaction or rows open waits for itself when it saves its session, until
// Config.CommitTimeout is over. Give the Store a *sql.DB of its own then.
//
// A db of pgx's [stdlib.OpenDBFromPool] keeps no connection, so that each statement
// would be prepared each time: set Options.Unprepared there, and pgx, which caches
// statements itself, needs one round trip.
//
// [stdlib.OpenDBFromPool]: https://pkg.go.dev/github.com/jackc/pgx/v5/stdlib#OpenDBFromPool
func New(db *sql.DB, d Dialect, opts Options) (*Store, error) {
	if db == nil {
		return nil, errors.New("sqlstore: New of a nil *sql.DB")
	}
	if opts.BusyTimeout < 0 {
		return nil, fmt.Errorf("sqlstore: BusyTimeout is negative: %v", opts.BusyTimeout)
	}
	opts = opts.withDefaults()
	q, err := d.queries(opts.Schema, opts.Table)
	if err != nil {
		return nil, err
	}
	s := &Store{
		db:          db,
		dialect:     d,
		table:       opts.Table,
		queries:     q,
		busyTimeout: opts.BusyTimeout,
		unprepared:  opts.Unprepared,
		prepared:    map[string]*sql.Stmt{},
	}
	if q.oneWriter {
		s.writer = make(chan struct{}, 1)
	}
	return s, nil
}

// Load returns the record of an ID, or [store.ErrNotFound].
func (s *Store) Load(ctx context.Context, id store.ID) (store.Record, error) {
	records, err := s.query(ctx, s.queries.load, func(now int64) []any {
		return []any{id[:], now}
	})
	if err != nil {
		return store.Record{}, err
	}
	if len(records) == 0 {
		return store.Record{}, store.ErrNotFound
	}
	return records[0], nil
}

// Create adds a record, or returns [store.ErrExists]. A record of its ID that has expired
// gives way to it.
func (s *Store) Create(ctx context.Context, rec store.Record) error {
	err := s.insert(ctx, rec)
	if err != store.ErrExists {
		return err
	}
	if _, err := s.exec(ctx, s.queries.clear, func(now int64) []any { return []any{rec.ID[:], now} }); err != nil {
		return err
	}
	return s.insert(ctx, rec) // whether it was there or a collector was first
}

func (s *Store) insert(ctx context.Context, rec store.Record) error {
	n, err := s.exec(ctx, s.queries.create, func(int64) []any {
		return []any{rec.ID[:], int64(rec.Version),
			rec.Created.UnixMilli(), rec.Seen.UnixMilli(), rec.Expires.UnixMilli(), rec.Deadline.UnixMilli(),
			rec.Subject, notNull(rec.Data)}
	})
	taken := s.queries.taken
	if err == nil && n == 0 || err != nil && taken != nil && taken(err.Error()) {
		return store.ErrExists
	}
	return err
}

// Save replaces a record whose version is old, or returns [store.ErrConflict].
func (s *Store) Save(ctx context.Context, rec store.Record, old uint64) error {
	n, err := s.exec(ctx, s.queries.save, func(now int64) []any {
		seen, expires := rec.Seen.UnixMilli(), rec.Expires.UnixMilli()
		return []any{int64(rec.Version),
			seen, expires, seen, rec.Deadline.UnixMilli(),
			rec.Subject, notNull(rec.Data),
			rec.ID[:], int64(old), now}
	})
	if err == nil && n == 0 {
		return store.ErrConflict
	}
	return err
}

// Touch moves when a record was seen and when it expires, and writes no data.
func (s *Store) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	_, err := s.exec(ctx, s.queries.touch, func(now int64) []any {
		return []any{seen.UnixMilli(), expires.UnixMilli(), id[:], int64(version), now, seen.UnixMilli()}
	})
	return err
}

// Delete removes a record.
func (s *Store) Delete(ctx context.Context, id store.ID) error {
	_, err := s.exec(ctx, s.queries.delete, func(int64) []any { return []any{id[:]} })
	return err
}

// Ping returns nil if the database answers and has the table.
func (s *Store) Ping(ctx context.Context) error {
	return s.attempt(ctx, func() error {
		var found bool
		return s.queryRow(ctx, s.queries.ping, nil, &found)
	})
}

// Shared tells whether the database is a server, which other programs can reach:
// all but SQLite.
func (s *Store) Shared() bool { return s.dialect != SQLite }

// Close ends the use of the database, and closes it if [store.Open] opened it.
// Operations fail from then on. To close again is no error.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, stmt := range s.prepared {
		errs = append(errs, stmt.Close())
	}
	if s.closeDB {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

// notNull returns data that a driver does not take for NULL.
func notNull(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}
