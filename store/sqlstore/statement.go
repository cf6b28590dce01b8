package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/b4468f51/session/store"
)

// exec runs a statement that writes, and returns how many rows it did so to.
// Its arguments are asked for when it may run, so that the time they hold is
// the time of the write, not of its place in the queue.
func (s *Store) exec(ctx context.Context, query string, args func(now int64) []any) (n int64, err error) {
	err = s.exclusive(ctx, func() error {
		stmt, err := s.statement(ctx, query)
		if err != nil {
			return err
		}
		result, err := stmt.ExecContext(ctx, args(time.Now().UnixMilli())...)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return n, err
}

// query runs a statement that returns records.
func (s *Store) query(ctx context.Context, query string, args func(now int64) []any) ([]store.Record, error) {
	return queryRows(ctx, s, query, args, scan)
}

// queryRows runs a statement that returns rows, each of which scan reads.
func queryRows[T any](ctx context.Context, s *Store, query string, args func(now int64) []any, scan func(*sql.Rows) (T, error)) (all []T, err error) {
	err = s.attempt(ctx, func() error {
		all = nil // of an attempt before
		stmt, err := s.statement(ctx, query)
		if err != nil {
			return err
		}
		rows, err := stmt.QueryContext(ctx, args(time.Now().UnixMilli())...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			row, err := scan(rows)
			if err != nil {
				return err
			}
			all = append(all, row)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// queryRow runs a statement that returns one row, into dest.
func (s *Store) queryRow(ctx context.Context, query string, args []any, dest ...any) error {
	stmt, err := s.statement(ctx, query)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(ctx, args...).Scan(dest...)
}

// scan reads the record that rows stands at.
func scan(rows *sql.Rows) (store.Record, error) {
	var (
		r                                store.Record
		id                               sql.RawBytes
		version                          int64
		created, seen, expires, deadline int64
	)
	err := rows.Scan(&id, &version, &created, &seen, &expires, &deadline, &r.Subject, &r.Data)
	if err != nil {
		return store.Record{}, err
	}
	if r.ID, err = parseID(id); err != nil {
		return store.Record{}, err
	}
	r.Version = uint64(version)
	r.Created = time.UnixMilli(created).UTC()
	r.Seen = time.UnixMilli(seen).UTC()
	r.Expires = time.UnixMilli(expires).UTC()
	r.Deadline = time.UnixMilli(deadline).UTC()
	return r, nil
}

func parseID(b []byte) (id store.ID, err error) {
	if len(b) != len(id) {
		return id, fmt.Errorf("sqlstore: an ID of %d bytes in the table, want %d", len(b), len(id))
	}
	return store.ID(b), nil
}

// exclusive has f run alone among the writers of this Store, where the
// database has one writer at a time. Goroutines are woken in the order they
// came, while SQLite has the luckiest go first, and the unlucky time out.
func (s *Store) exclusive(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.writer != nil {
		select {
		case s.writer <- struct{}{}:
			defer func() { <-s.writer }()
		case <-ctx.Done():
			return s.waitedInVain(ctx.Err())
		}
	}
	return s.attempt(ctx, f)
}

// attempt calls f until it was not because of another process that it failed,
// or until the busy timeout.
func (s *Store) attempt(ctx context.Context, f func() error) error {
	const shortest, longest = time.Millisecond, 16 * time.Millisecond
	var refused time.Time // the first time
	for pause := shortest; ; pause = min(2*pause, longest) {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := f()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
			// A statement that was interrupted says so in the driver's words.
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case ctx.Err() != nil:
			return s.waitedInVain(err)
		case s.queries.busy == nil || !s.queries.busy(err):
			return err
		}
		if refused.IsZero() {
			refused = time.Now()
		} else if time.Since(refused) >= s.busyTimeout {
			return err
		}
		// By the clock's last digits, as good as at random: processes that
		// once met would else meet again.
		jitter := time.Duration(time.Now().UnixNano()) % pause
		if ctxErr := wait(ctx, pause/2+jitter); ctxErr != nil {
			return fmt.Errorf("%w: %w", ctxErr, err)
		}
	}
}

// waitedInVain says of a context's error what the likely cause is, where others
// have all the connections.
func (s *Store) waitedInVain(err error) error {
	stats := s.db.Stats()
	if stats.MaxOpenConnections == 0 || stats.InUse < stats.MaxOpenConnections {
		return err
	}
	return fmt.Errorf("%w: all %d connections of the database are in use: a transaction or rows that the application has open "+
		"may have them; end these before the session is used, give the store a *sql.DB of its own, or raise SetMaxOpenConns",
		err, stats.MaxOpenConnections)
}

// wait returns nil after d, or the context's error if that ends before.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
