package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// An olderWrite is a Save, or a Touch, that moves seen back.
type olderWrite struct {
	by    string
	write func(ctx context.Context, s store.Store, r *store.Record, seen, expires time.Time) error
}

// savesOlder replaces r by a record that was seen then, and never used later. It
// moves the record to another subject, as a Save may.
var savesOlder = olderWrite{"Save", func(ctx context.Context, s store.Store, r *store.Record, seen, expires time.Time) error {
	n := next(*r)
	n.Subject, n.Seen, n.Expires, n.Deadline = newSubject(), seen, expires, expires
	err := s.Save(ctx, n, r.Version)
	n.Seen, n.Expires = r.Seen, r.Expires
	*r = n
	return err
}}

func saveOlder(ctx context.Context, s store.Store) error { return older(ctx, s, savesOlder) }

// older checks that a write which moves seen back leaves both times as they are,
// whatever it says of expires, and that the record lives as long as they say.
func older(ctx context.Context, s store.Store, w olderWrite) error {
	for _, c := range []struct {
		name    string
		seen    time.Duration // from what is stored
		expires time.Duration
	}{
		{"a millisecond earlier, and expires earlier", -time.Millisecond, -time.Minute},
		{"an hour earlier, and expires later", -time.Hour, time.Hour},
		{"a day earlier, and expired already", -24 * time.Hour, -24 * time.Hour},
	} {
		r, err := create(ctx, s, nil)
		if err != nil {
			return err
		}
		for range 2 { // what was kept once is kept again
			if err := w.write(ctx, s, &r, r.Seen.Add(c.seen), r.Expires.Add(c.expires)); err != nil {
				return in(w.by+" of a record seen "+c.name, err)
			}
			if err := expect(ctx, s, r); err != nil {
				return fmt.Errorf("after a %s of a record seen %s: %w", w.by, c.name, err)
			}
		}
		if l, ok := s.(store.Lister); ok {
			// An index that took the end which was named forgets r with this.
			another, err := create(ctx, s, func(another *store.Record) { another.Subject = r.Subject })
			if err != nil {
				return err
			}
			if err := expectList(ctx, l, r.Subject, r, another); err != nil {
				return fmt.Errorf("after a %s of a record seen %s: %w", w.by, c.name, err)
			}
		}
	}
	return olderOutlives(ctx, s, w)
}

// olderOutlives checks that a record outlives the end that an older write named.
func olderOutlives(ctx context.Context, s store.Store, w olderWrite) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	soon := now().Add(lead)
	if err := w.write(ctx, s, &r, r.Seen.Add(-time.Second), soon); err != nil {
		return in(w.by, err)
	}
	if err := waitFor(ctx, soon.Add(leeway)); err != nil {
		return err
	}
	return in("past the end that an older "+w.by+" named", expect(ctx, s, r))
}

func saveLinear(ctx context.Context, s store.Store) error {
	h, err := RecordCAS(ctx, s, 64, 8)
	if err != nil {
		return err
	}
	return h.Check()
}
