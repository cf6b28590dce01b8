package sqlstore

import (
	"context"
	"database/sql"
	"errors"
)

// A statement is a query that can be run: a [sql.Stmt], or what does the same
// without one.
type statement interface {
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, args ...any) *sql.Row
}

// statement returns the statement of a query.
func (s *Store) statement(ctx context.Context, query string) (statement, error) {
	if !s.unprepared {
		return s.prepare(ctx, query)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	return unprepared{s.db, query}, nil
}

// An unprepared statement is sent as a whole each time, with its arguments.
type unprepared struct {
	db    *sql.DB
	query string
}

func (u unprepared) ExecContext(ctx context.Context, args ...any) (sql.Result, error) {
	return u.db.ExecContext(ctx, u.query, args...)
}

func (u unprepared) QueryContext(ctx context.Context, args ...any) (*sql.Rows, error) {
	return u.db.QueryContext(ctx, u.query, args...)
}

func (u unprepared) QueryRowContext(ctx context.Context, args ...any) *sql.Row {
	return u.db.QueryRowContext(ctx, u.query, args...)
}

// prepare returns the statement of a query, prepared at its first use.
// [sql.Stmt] prepares it again for each connection that it meets.
func (s *Store) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	stmt, closed := s.prepared[query], s.closed
	s.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	if stmt != nil {
		return stmt, nil
	}
	// Without the lock: it takes a round trip, and may have to wait for a
	// connection that waits for the lock.
	stmt, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	first, closed := s.prepared[query], s.closed
	if first == nil && !closed {
		s.prepared[query] = stmt
	}
	s.mu.Unlock()
	switch {
	case closed:
		stmt.Close() // without the lock, too: it waits for the connection
		return nil, errClosed
	case first != nil:
		stmt.Close()
		return first, nil
	}
	return stmt, nil
}

var errClosed = errors.New("sqlstore: the store is closed")
