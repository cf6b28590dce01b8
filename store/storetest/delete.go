package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/b4468f51/session/store"
)

func deleteRecord(ctx context.Context, s store.Store) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	other, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	if err := s.Delete(ctx, r.ID); err != nil {
		return in("Delete", err)
	}
	if err := expectNone(ctx, s, r.ID); err != nil {
		return err
	}
	if err := expect(ctx, s, other); err != nil {
		return fmt.Errorf("another record: %w", err)
	}
	if err := s.Create(ctx, r); err != nil {
		return in("Create of an ID that was deleted", err)
	}
	return expect(ctx, s, r)
}

func deleteNothing(ctx context.Context, s store.Store) error {
	if err := s.Delete(ctx, newID()); err != nil {
		return in("Delete of a record that never was", err)
	}
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	for range 2 {
		if err := s.Delete(ctx, r.ID); err != nil {
			return in("Delete, twice", err)
		}
	}
	return nil
}

func deleteFinal(ctx context.Context, s store.Store) error {
	const writers = 8
	for round := range 24 {
		r, err := create(ctx, s, nil)
		if err != nil {
			return err
		}
		var deleted atomic.Bool
		errs := make([]error, writers)
		together(writers, func(i int) {
			if i == writers-1 {
				// At another moment each time.
				for range round {
					s.Load(ctx, r.ID)
					runtime.Gosched()
				}
				errs[i] = s.Delete(ctx, r.ID)
				deleted.Store(true)
				return
			}
			// Each writes over what it finds, a few times, until it finds
			// nothing. What began after the Delete would break another rule.
			found := r
			for range 12 {
				if deleted.Load() {
					return
				}
				runtime.Gosched()
				n := next(found)
				if err := s.Save(ctx, n, found.Version); err != nil && !errors.Is(err, store.ErrConflict) {
					errs[i] = in("Save", err)
					return
				}
				if err := s.Touch(ctx, n.ID, n.Version, n.Seen, n.Expires); err != nil {
					errs[i] = in("Touch", err)
					return
				}
				var err error
				if found, err = s.Load(ctx, r.ID); errors.Is(err, store.ErrNotFound) {
					return
				} else if err != nil {
					errs[i] = in("Load", err)
					return
				}
			}
		})
		if err := cmp.Or(errs...); err != nil {
			return err
		}
		if err := expectNone(ctx, s, r.ID); err != nil {
			return err
		}
		if l, ok := s.(store.Lister); ok {
			if err := expectList(ctx, l, r.Subject); err != nil {
				return err
			}
		}
	}
	return nil
}
