package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/store"
)

func touch(ctx context.Context, s store.Store) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	for _, by := range []struct{ seen, expires time.Duration }{
		{time.Millisecond, time.Millisecond},
		{time.Second, time.Hour},
		{time.Second, -time.Minute},
		{0, -time.Minute}, // as of the same moment
	} {
		r.Seen, r.Expires = r.Seen.Add(by.seen), r.Expires.Add(by.expires)
		if err := s.Touch(ctx, r.ID, r.Version, r.Seen, r.Expires); err != nil {
			return in("Touch", err)
		}
		if err := expect(ctx, s, r); err != nil {
			return err
		}
	}
	// Whoever loaded before the touch can save after it.
	n := next(r)
	if err := s.Save(ctx, n, r.Version); err != nil {
		return in("Save after Touch", err)
	}
	return expect(ctx, s, n)
}

// touchesOlder touches r as of then.
var touchesOlder = olderWrite{"Touch", func(ctx context.Context, s store.Store, r *store.Record, seen, expires time.Time) error {
	return s.Touch(ctx, r.ID, r.Version, seen, expires)
}}

func touchOlder(ctx context.Context, s store.Store) error { return older(ctx, s, touchesOlder) }

func touchVersion(ctx context.Context, s store.Store) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	n := next(r)
	if err := s.Save(ctx, n, r.Version); err != nil {
		return in("Save", err)
	}
	for _, version := range []uint64{r.Version, newVersion(), 0} {
		if err := s.Touch(ctx, r.ID, version, n.Seen.Add(time.Hour), n.Expires.Add(time.Hour)); err != nil {
			return in("Touch", err)
		}
		if err := expect(ctx, s, n); err != nil {
			return err
		}
	}
	return nil
}

func touchGone(ctx context.Context, s store.Store) error {
	never := newRecord()
	deleted, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	if err := s.Delete(ctx, deleted.ID); err != nil {
		return in("Delete", err)
	}
	for _, r := range []store.Record{never, deleted} {
		if err := s.Touch(ctx, r.ID, r.Version, now(), now().Add(time.Hour)); err != nil {
			return in("Touch", err)
		}
		if err := expectNone(ctx, s, r.ID); err != nil {
			return err
		}
	}
	return nil
}

func touchExpired(ctx context.Context, s store.Store) error {
	return eachExpired(ctx, s, func(r store.Record) error {
		later := now().Add(time.Hour)
		if err := s.Touch(ctx, r.ID, r.Version, now(), later); err != nil {
			return in("Touch", err)
		}
		// Were it loaded as it was, that would break another rule.
		if got, err := s.Load(ctx, r.ID); err == nil && got.Expires.Equal(later) {
			return errors.New("the record came back")
		}
		return nil
	})
}
