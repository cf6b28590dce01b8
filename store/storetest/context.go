package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/b4468f51/session/store"
)

func contextDone(ctx context.Context, s store.Store) error {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	late, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
	}{
		{"a context that was cancelled", cancelled},
		{"a context past its deadline", late},
	} {
		if err := withDone(ctx, c.ctx, s); err != nil {
			return in(c.name, err)
		}
	}
	return nil
}

// withDone tries each operation with a context that is done.
func withDone(ctx, done context.Context, s store.Store) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	fresh, moved := newRecord(), next(r)
	moved.Subject = newSubject()
	l, canList := s.(store.Lister)
	d, canDelete := s.(store.SubjectDeleter)
	ops := []struct {
		name string
		do   func() error
	}{
		{"Load", func() error { _, err := s.Load(done, r.ID); return err }},
		{"Load of an unknown ID", func() error { _, err := s.Load(done, fresh.ID); return err }},
		{"Create", func() error { return s.Create(done, fresh) }},
		{"Create of an ID that is taken", func() error { return s.Create(done, r) }},
		{"Save", func() error { return s.Save(done, moved, r.Version) }},
		{"Save over another version", func() error { return s.Save(done, moved, moved.Version) }},
		{"Touch", func() error { return s.Touch(done, r.ID, r.Version, r.Seen, r.Expires.Add(time.Hour)) }},
		{"Delete", func() error { return s.Delete(done, r.ID) }},
		{"List", func() error {
			if !canList {
				return done.Err()
			}
			_, err := all(l.List(done, r.Subject))
			return err
		}},
		{"DeleteSubject", func() error {
			if !canDelete {
				return done.Err()
			}
			_, err := all(d.DeleteSubject(done, r.Subject, store.ID{}))
			return err
		}},
		{"Ping", func() error {
			p, ok := s.(store.Pinger)
			if !ok {
				return done.Err()
			}
			return p.Ping(done)
		}},
	}
	for _, op := range ops {
		err := op.do()
		if err == nil {
			return fmt.Errorf("%s: no error", op.name)
		}
		// Callers take these for an answer about the record.
		for _, answer := range []error{store.ErrNotFound, store.ErrExists, store.ErrConflict} {
			if errors.Is(err, answer) {
				return fmt.Errorf("%s: the error is %v, want the context's", op.name, err)
			}
		}
		if err := expect(ctx, s, r); err != nil {
			return fmt.Errorf("after %s: %w", op.name, err)
		}
		if err := expectNone(ctx, s, fresh.ID); err != nil {
			return fmt.Errorf("after %s: %w", op.name, err)
		}
	}
	if canList {
		return cmp.Or(
			expectList(ctx, l, r.Subject, r),
			expectList(ctx, l, moved.Subject),
			expectList(ctx, l, fresh.Subject))
	}
	return nil
}

func contextEnds(ctx context.Context, s store.Store) error {
	const rounds = 16
	for i := range rounds {
		r, err := create(ctx, s, nil)
		if err != nil {
			return err
		}
		// How long an operation takes here tells when to end the next one.
		start := time.Now()
		if err := expect(ctx, s, r); err != nil {
			return err
		}
		after := time.Since(start) * time.Duration(i) / rounds * 2
		if err := interruptSave(ctx, s, r, after); err != nil {
			return err
		}
		if err := interruptCreate(ctx, s, after); err != nil {
			return err
		}
	}
	return nil
}

// interruptSave ends the context of a Save a while after it began.
func interruptSave(ctx context.Context, s store.Store, r store.Record, after time.Duration) error {
	n := next(r)
	n.Subject = newSubject()
	saveErr := interrupted(ctx, after, func(ctx context.Context) error { return s.Save(ctx, n, r.Version) })
	if errors.Is(saveErr, store.ErrConflict) {
		return in("Save", saveErr)
	}
	// A server may still be at it. The Save that succeeds next settles it.
	var last store.Record
	for {
		found, err := s.Load(ctx, r.ID)
		if err != nil {
			return in("Load", err)
		}
		switch {
		case found.Version == n.Version:
			err = diff(found, n)
		case saveErr == nil:
			err = errors.New("the record is not there, though Save returned nil")
		default:
			err = diff(found, r)
		}
		if err != nil {
			return fmt.Errorf("after a Save whose context ended (it returned %v): %w", saveErr, err)
		}
		last = next(found)
		last.Subject = newSubject()
		err = s.Save(ctx, last, found.Version)
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrConflict) {
			return in("Save", err)
		}
	}
	if l, ok := s.(store.Lister); ok {
		return cmp.Or(
			expectList(ctx, l, r.Subject),
			expectList(ctx, l, n.Subject),
			expectList(ctx, l, last.Subject, last))
	}
	return nil
}

// interruptCreate ends the context of a Create a while after it began.
func interruptCreate(ctx context.Context, s store.Store, after time.Duration) error {
	first := newRecord()
	second := next(first)
	second.Subject = newSubject()
	firstErr := interrupted(ctx, after, func(ctx context.Context) error { return s.Create(ctx, first) })
	want, other := second, first
	switch err := s.Create(ctx, second); {
	case errors.Is(err, store.ErrExists):
		want, other = first, second
	case err != nil:
		return in("Create", err)
	case firstErr == nil:
		return errors.New("the record is not there, though Create returned nil")
	}
	if err := expect(ctx, s, want); err != nil {
		return fmt.Errorf("after a Create whose context ended (it returned %v): %w", firstErr, err)
	}
	if l, ok := s.(store.Lister); ok {
		return cmp.Or(
			expectList(ctx, l, want.Subject, want),
			expectList(ctx, l, other.Subject))
	}
	return nil
}

// interrupted calls do with a context that ends after a while.
func interrupted(ctx context.Context, after time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(after, cancel).Stop()
	return do(ctx)
}
