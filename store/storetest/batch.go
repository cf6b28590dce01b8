package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/b4468f51/session/store"
)

// many is more records than a batch may have.
const many = store.MaxBatch + 64

// createMany creates so many records of a subject.
func createMany(ctx context.Context, s store.Store, subject string, n int) ([]store.Record, error) {
	const workers = 8
	records := make([]store.Record, n)
	errs := make([]error, workers)
	together(workers, func(worker int) {
		for i := worker; i < n && errs[worker] == nil; i += workers {
			records[i], errs[worker] = create(ctx, s, func(r *store.Record) { r.Subject = subject })
		}
	})
	return records, cmp.Or(errs...)
}

func listBatches(ctx context.Context, s store.Store) error {
	l, err := lister(s)
	if err != nil {
		return err
	}
	subject := newSubject()
	records, err := createMany(ctx, s, subject, many)
	if err != nil {
		return err
	}
	if err := expectList(ctx, l, subject, records...); err != nil {
		return err
	}
	// What the loop deletes is not loaded any more.
	n := 0
	for first, err := range l.List(ctx, subject) {
		if err != nil {
			return in("List", err)
		}
		if n++; n > 1 {
			continue
		}
		for _, r := range records {
			if r.ID == first.ID {
				continue
			}
			if err := s.Delete(ctx, r.ID); err != nil {
				return in("Delete, in the loop", err)
			}
		}
	}
	if n > store.MaxBatch {
		return fmt.Errorf("after the loop deleted all records but the first, List yielded %d more that it had loaded before", n-1)
	}
	if n == 0 {
		return errors.New("the second List yielded nothing")
	}
	return nil
}

func listStops(ctx context.Context, s store.Store) error {
	l, err := lister(s)
	if err != nil {
		return err
	}
	subject := newSubject()
	if _, err := createMany(ctx, s, subject, many); err != nil {
		return err
	}
	for _, err := range l.List(ctx, subject) {
		if err != nil {
			return in("List", err)
		}
		break
	}
	ending, cancel := context.WithCancel(ctx)
	defer cancel()
	n := 0
	var ended error
	for r, err := range l.List(ending, subject) {
		cancel()
		switch {
		case ended != nil:
			return fmt.Errorf("the loop goes on after the error %v", ended)
		case err != nil && r.ID != store.ID{}:
			return fmt.Errorf("the error %v is beside a record", err)
		case err == nil:
			n++
		}
		ended = err
	}
	if err := expectErr("List whose context ended in the loop", ended, context.Canceled); err != nil {
		return err
	}
	if n > store.MaxBatch {
		return fmt.Errorf("a List yielded %d records after its context had ended", n)
	}
	return nil
}
