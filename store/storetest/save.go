package storetest

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/store"
)

func save(ctx context.Context, s store.Store) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	// Several in a row, each over the version before: the last also shrinks
	// the data to nothing and makes the session anonymous.
	for _, change := range []func(*store.Record){
		func(r *store.Record) {},
		func(r *store.Record) { r.Subject = newSubject() },
		func(r *store.Record) { r.Data = bytes.Repeat([]byte("x"), 3000) },
		func(r *store.Record) { r.Subject, r.Data = "", nil },
	} {
		n := next(r)
		change(&n)
		n.Created = r.Created.Add(time.Hour)
		if err := s.Save(ctx, n, r.Version); err != nil {
			return in("Save", err)
		}
		n.Created = r.Created
		if err := expect(ctx, s, n); err != nil {
			return err
		}
		r = n
	}
	return nil
}

func saveConflict(ctx context.Context, s store.Store) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	if err := expectErr("Save over a version that never was", s.Save(ctx, next(r), newVersion()), store.ErrConflict); err != nil {
		return err
	}
	if err := expect(ctx, s, r); err != nil {
		return err
	}
	second := next(r)
	if err := s.Save(ctx, second, r.Version); err != nil {
		return in("Save", err)
	}
	if err := expectErr("Save over the version before", s.Save(ctx, next(r), r.Version), store.ErrConflict); err != nil {
		return err
	}
	// A write that is sent again finds its own version there; it does not
	// match what it was to replace.
	if err := expectErr("the same Save again", s.Save(ctx, second, r.Version), store.ErrConflict); err != nil {
		return err
	}
	return expect(ctx, s, second)
}

func saveGone(ctx context.Context, s store.Store) error {
	never := newRecord()
	deleted, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	if err := s.Delete(ctx, deleted.ID); err != nil {
		return in("Delete", err)
	}
	for _, c := range []struct {
		name string
		rec  store.Record
		old  uint64
	}{
		{"a record that never was", next(never), never.Version},
		{"a record that never was, over version 0", next(never), 0},
		{"a record that never was, over its own version", never, never.Version},
		{"a deleted record", next(deleted), deleted.Version},
		{"a deleted record, over version 0", next(deleted), 0},
	} {
		if err := expectErr("Save", s.Save(ctx, c.rec, c.old), store.ErrConflict); err != nil {
			return in(c.name, err)
		}
		if err := expectNone(ctx, s, c.rec.ID); err != nil {
			return in(c.name, err)
		}
	}
	return nil
}

func saveExpired(ctx context.Context, s store.Store) error {
	return eachExpired(ctx, s, func(r store.Record) error {
		n := next(r)
		n.Expires = now().Add(time.Hour)
		if err := expectErr("Save", s.Save(ctx, n, r.Version), store.ErrConflict); err != nil {
			return err
		}
		// Were it loaded as it was, that would break another rule.
		if got, err := s.Load(ctx, r.ID); err == nil && got.Version == n.Version {
			return errors.New("the record came back")
		}
		return nil
	})
}

func saveLinear(ctx context.Context, s store.Store) error {
	h, err := RecordCAS(ctx, s, 64, 8)
	if err != nil {
		return err
	}
	return h.Check()
}
