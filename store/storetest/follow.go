package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/b4468f51/session/store"
)

func loadAll(ctx context.Context, s store.Store) error {
	b, ok := s.(store.BatchLoader)
	if !ok {
		return errUnable("store.BatchLoader")
	}
	live, err := createMany(ctx, s, newSubject(), store.MaxBatch-2)
	if err != nil {
		return err
	}
	gone, err := create(ctx, s, nil)
	if err == nil {
		err = s.Delete(ctx, gone.ID)
	}
	if err != nil {
		return err
	}
	ids := []store.ID{newID(), gone.ID}
	for _, r := range live {
		ids = append(ids, r.ID)
	}
	if err := expectAll(ctx, b, ids, live...); err != nil {
		return err
	}
	if err := expectAll(ctx, b, ids[:1]); err != nil {
		return in("one ID, of none", err)
	}
	if err := expectAll(ctx, b, nil); err != nil {
		return in("no ID", err)
	}
	if err := expectAll(ctx, b, ids[2:3], live[0]); err != nil {
		return in("one ID", err)
	}
	return eachExpired(ctx, s, func(r store.Record) error { return expectAll(ctx, b, []store.ID{r.ID}) })
}

// expectAll checks that LoadAll returns these records.
func expectAll(ctx context.Context, b store.BatchLoader, ids []store.ID, want ...store.Record) error {
	got, err := b.LoadAll(ctx, ids)
	if err != nil {
		return in("LoadAll", err)
	}
	if len(got) != len(want) {
		return fmt.Errorf("LoadAll returned %d records where there are %d", len(got), len(want))
	}
	byID := map[store.ID]store.Record{}
	for _, r := range got {
		byID[r.ID] = r
	}
	for _, w := range want {
		if err := diff(byID[w.ID], w); err != nil {
			return in("LoadAll", err)
		}
	}
	return nil
}

// A follower follows a store.
type follower struct {
	store.Follower
	changed chan store.ID
	ended   chan error
}

// toldWithin is how soon a change has to be told. A server may be busy with other tests. The tests of
// these rules make it shorter.
var toldWithin = 30 * time.Second

func startFollower(ctx context.Context, s store.Store) (*follower, error) {
	f, ok := s.(store.Follower)
	if !ok {
		return nil, errUnable("store.Follower")
	}
	l := &follower{f, make(chan store.ID, 1000), make(chan error, 1)}
	go func() {
		l.ended <- f.Follow(ctx, func(id store.ID) {
			select {
			case l.changed <- id:
			default: // nobody reads so many
			}
		})
	}()
	return l, l.hears(ctx, store.ID{})
}

// hears waits until a change of a record is told.
func (f *follower) hears(ctx context.Context, id store.ID) error {
	late := time.NewTimer(toldWithin)
	defer late.Stop()
	for {
		select {
		case got := <-f.changed:
			if got == id {
				return nil
			}
		case err := <-f.ended:
			f.ended <- err
			if errors.Is(err, errors.ErrUnsupported) {
				return errUnable("store.Follower that can follow")
			}
			return fmt.Errorf("the call of Follow has returned: %v", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			if id.IsZero() {
				return errors.New("the zero ID is not told at the beginning")
			}
			return fmt.Errorf("a change is not told within %v", toldWithin)
		}
	}
}

func follow(parent context.Context, s store.Store) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	f, err := startFollower(ctx, s)
	if err != nil {
		return err
	}
	for name, change := range map[string]func(r store.Record) error{
		"Save":   func(r store.Record) error { return s.Save(ctx, next(r), r.Version) },
		"Delete": func(r store.Record) error { return s.Delete(ctx, r.ID) },
		"expiry": func(r store.Record) error {
			expires := now().Add(lead)
			if err := s.Touch(ctx, r.ID, r.Version, now(), expires); err != nil {
				return err
			}
			if err := f.sees(ctx, r.ID); err != nil {
				return err
			}
			return waitFor(ctx, expires)
		},
	} {
		r, err := create(ctx, s, nil)
		if err == nil {
			err = f.sees(ctx, r.ID)
		}
		if err == nil {
			err = change(r)
		}
		if err == nil {
			err = f.hears(ctx, r.ID)
		}
		if err != nil {
			return in(name, err)
		}
	}
	cancel()
	select {
	case <-f.ended:
		return nil
	case <-time.After(toldWithin):
		return errors.New("the call of Follow does not return when its context ends")
	}
}

// sees loads a record, so that its next change is told, and forgets what was told before.
func (f *follower) sees(ctx context.Context, id store.ID) error {
	records, err := f.LoadAll(ctx, []store.ID{id})
	if err == nil && len(records) != 1 {
		err = fmt.Errorf("LoadAll returned %d records of one", len(records))
	}
	return err
}
