package sqlstore

import (
	"cmp"
	"context"
	"fmt"
)

// Migrate creates the table and its indexes where they are missing. It may be
// called at each start, and by several processes at once; where nothing is
// missing it needs no right to create. It fails where a table of that name is
// there and has not the columns of a table of sessions.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.place(ctx); err != nil {
		return fmt.Errorf("sqlstore: migrate: %w", err)
	}
	err := s.exclusive(ctx, func() error {
		if found, err := s.migrated(ctx); found || err != nil {
			return err
		}
		return s.create(ctx)
	})
	if err != nil {
		return fmt.Errorf("sqlstore: migrate: %w", err)
	}
	if err := s.check(ctx); err != nil {
		return fmt.Errorf("sqlstore: migrate: %w", err)
	}
	return nil
}

// place fails where the schema that the table is to be in is missing. The server
// would pass on to the next one of its path, where another program's table may be.
func (s *Store) place(ctx context.Context) error {
	if s.queries.path == "" {
		return nil
	}
	var path, chosen string
	if err := s.db.QueryRowContext(ctx, s.queries.path).Scan(&path, &chosen); err != nil {
		return err
	}
	if first := firstSchema(path); first != "" && first != chosen {
		return fmt.Errorf("the schema %q is the first of search_path, and is not there or may not be used: "+
			"create it, or name the table with its schema, as in %q", first, cmp.Or(chosen, "public")+"."+s.table)
	}
	return nil
}

// check fails where the table is another application's, which would come out only
// later.
func (s *Store) check(ctx context.Context) error {
	_, err := s.query(ctx, s.queries.load, func(now int64) []any { return []any{[]byte{}, now} })
	return s.foreign(ctx, err)
}

// foreign says of an error of a statement that reads all columns what it means. If
// ctx has ended, that is why it failed.
func (s *Store) foreign(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("the table %q is there, and not a table of sessions; give this store another name: %w", s.table, err)
}

// migrated tells whether everything is there.
func (s *Store) migrated(ctx context.Context) (found bool, err error) {
	if s.queries.present == "" {
		return false, nil
	}
	err = s.db.QueryRowContext(ctx, s.queries.present, s.queries.presentArgs...).Scan(&found)
	return found, err
}

// create creates what is missing.
func (s *Store) create(ctx context.Context) error {
	if s.queries.schemaLock == "" {
		for i, query := range s.queries.schema {
			if _, err := s.db.ExecContext(ctx, query); err != nil {
				return err
			}
			if i > 0 {
				continue
			}
			if err := s.check(ctx); err != nil { // before it is given indexes
				return err
			}
		}
		return nil
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for i, query := range append([]string{s.queries.schemaLock}, s.queries.schema...) {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return err
		}
		if i != 1 {
			continue
		}
		// It may have been there: look before it is given indexes.
		if _, err := tx.ExecContext(ctx, s.queries.load, []byte{}, int64(0)); err != nil {
			return s.foreign(ctx, err)
		}
	}
	return tx.Commit()
}
