package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/b4468f51/session/store"
)

const (
	// lead is how far ahead a record expires that is to be seen expiring.
	lead = 60 * time.Millisecond

	// leeway is how far the store's clock may be from this one.
	leeway = 20 * time.Millisecond
)

// waitFor waits until the clock has reached t.
func waitFor(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// eachExpired calls f with records that have expired: of a moment ago, of an
// hour ago, and one that expired since it was created.
func eachExpired(ctx context.Context, s store.Store, f func(store.Record) error) error {
	live := now().Add(lead)
	for _, c := range []struct {
		name    string
		expires time.Time
	}{
		{"a record that expired just now", now().Add(-leeway)},
		{"a record that expired an hour ago", now().Add(-time.Hour)},
		{"a record that expired after it was created", live},
	} {
		r, err := create(ctx, s, func(r *store.Record) { r.Expires = c.expires })
		if err == nil {
			err = waitFor(ctx, c.expires.Add(leeway))
		}
		if err == nil {
			err = f(r)
		}
		if err != nil {
			return in(c.name, err)
		}
	}
	return nil
}

func expiryLoad(ctx context.Context, s store.Store) error {
	err := eachExpired(ctx, s, func(r store.Record) error { return expectNone(ctx, s, r.ID) })
	if err != nil {
		return err
	}
	expires := now().Add(lead)
	r, err := create(ctx, s, func(r *store.Record) { r.Expires = expires })
	if err != nil {
		return err
	}
	return untilExpired(ctx, expires, func() (bool, error) {
		_, err := s.Load(ctx, r.ID)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, store.ErrNotFound):
			return false, nil
		}
		return false, in("Load", err)
	})
}

// untilExpired calls find from before a record expires until after, and
// compares whether it was found with the time of the call.
func untilExpired(ctx context.Context, expires time.Time, find func() (bool, error)) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		before := time.Now()
		found, err := find()
		after := time.Now()
		switch {
		case err != nil:
			return err
		case found && before.After(expires.Add(leeway)):
			return fmt.Errorf("the record was returned %v after it expired", before.Sub(expires))
		case !found && after.Before(expires.Add(-leeway)):
			return fmt.Errorf("the record was not returned %v before it expires", expires.Sub(after))
		case before.After(expires.Add(leeway)):
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func expiryMoves(ctx context.Context, s store.Store) error {
	for _, m := range []struct {
		by   string
		move func(*store.Record, time.Time) error
	}{
		{"Save", func(r *store.Record, expires time.Time) error {
			n := next(*r)
			n.Expires = expires
			err := s.Save(ctx, n, r.Version)
			*r = n
			return err
		}},
		{"Touch", func(r *store.Record, expires time.Time) error {
			r.Expires = expires
			return s.Touch(ctx, r.ID, r.Version, r.Seen, r.Expires)
		}},
	} {
		if err := expiresEarlier(ctx, s, m.move); err != nil {
			return in(m.by+" moved it to an earlier time", err)
		}
		if err := expiresLater(ctx, s, m.move); err != nil {
			return in(m.by+" moved it to a later time", err)
		}
	}
	return nil
}

// expiresEarlier has a record expire at once.
func expiresEarlier(ctx context.Context, s store.Store, move func(*store.Record, time.Time) error) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	if err := move(&r, now().Add(-leeway)); err != nil {
		return err
	}
	return expectNone(ctx, s, r.ID)
}

// expiresLater keeps a record that was about to expire.
func expiresLater(ctx context.Context, s store.Store, move func(*store.Record, time.Time) error) error {
	for lead := lead; ; lead *= 2 {
		first := now().Add(lead)
		r, err := create(ctx, s, func(r *store.Record) { r.Expires = first })
		if err != nil {
			return err
		}
		err = move(&r, now().Add(time.Hour))
		if time.Now().After(first.Add(-leeway)) && ctx.Err() == nil {
			// It may have come too late. Leave it more time.
			continue
		}
		if err != nil {
			return err
		}
		if err := waitFor(ctx, first.Add(leeway)); err != nil {
			return err
		}
		return expect(ctx, s, r)
	}
}

func expiryList(ctx context.Context, s store.Store) error {
	l, err := lister(s)
	if err != nil {
		return err
	}
	err = eachExpired(ctx, s, func(r store.Record) error { return expectList(ctx, l, r.Subject) })
	if err != nil {
		return err
	}
	expires := now().Add(lead)
	r, err := create(ctx, s, func(r *store.Record) { r.Expires = expires })
	if err != nil {
		return err
	}
	live, err := create(ctx, s, func(live *store.Record) { live.Subject = r.Subject })
	if err != nil {
		return err
	}
	err = untilExpired(ctx, expires, func() (bool, error) {
		records, err := all(l.List(ctx, r.Subject))
		if err != nil {
			return false, in("List", err)
		}
		return len(records) == 2, nil
	})
	if err != nil {
		return err
	}
	return expectList(ctx, l, r.Subject, live)
}
