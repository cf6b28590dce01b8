package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/b4468f51/session/store"
)

// expectDeleted checks that DeleteSubject yields these IDs.
func expectDeleted(ctx context.Context, d store.SubjectDeleter, subject string, spare store.ID, want ...store.Record) error {
	ids, err := all(d.DeleteSubject(ctx, subject, spare))
	if err != nil {
		return in("DeleteSubject", err)
	}
	yielded := map[store.ID]bool{}
	for _, id := range ids {
		if yielded[id] {
			return fmt.Errorf("DeleteSubject(%q) yielded an ID twice", subject)
		}
		yielded[id] = true
	}
	for _, r := range want {
		if !yielded[r.ID] {
			return fmt.Errorf("DeleteSubject(%q) yielded %d IDs, and not each of the %d that there are", subject, len(ids), len(want))
		}
		if err := expectNone(ctx, d, r.ID); err != nil {
			return fmt.Errorf("after DeleteSubject yielded its ID: %w", err)
		}
	}
	if len(ids) != len(want) {
		return fmt.Errorf("DeleteSubject(%q) yielded %d IDs where there are %d", subject, len(ids), len(want))
	}
	return nil
}

func deleteSubject(ctx context.Context, s store.Store) error {
	d, err := deleter(s)
	if err != nil {
		return err
	}
	subject := newSubject() + "é"
	records, err := createMany(ctx, s, subject, 20)
	if err != nil {
		return err
	}
	var others []store.Record
	for _, other := range []string{
		"", newSubject(), strings.ToUpper(subject), subject + " ", subject + "x", strings.TrimSuffix(subject, "é"),
		strings.ReplaceAll(subject, "é", "e\u0301"), strings.ReplaceAll(subject, "-", "_"), subject + "%",
	} {
		r, err := create(ctx, s, func(r *store.Record) { r.Subject = other })
		if err != nil {
			return err
		}
		others = append(others, r)
	}
	if _, err := create(ctx, s, func(r *store.Record) { r.Subject, r.Expires = subject, now().Add(-lead) }); err != nil {
		return err
	}
	spared := records[7]
	deleted := append(records[:7:7], records[8:]...)
	for _, err := range []error{
		expectDeleted(ctx, d, newSubject(), store.ID{}),
		expectDeleted(ctx, d, "", store.ID{}),
		expectDeleted(ctx, d, subject, spared.ID, deleted...),
		expectDeleted(ctx, d, subject, spared.ID),
		expect(ctx, s, spared),
	} {
		if err != nil {
			return err
		}
	}
	// One that is there again is a record like any other.
	if err := s.Create(ctx, deleted[0]); err != nil {
		return in("Create of an ID that was deleted", err)
	}
	if err := expectDeleted(ctx, d, subject, others[0].ID, spared, deleted[0]); err != nil {
		return err
	}
	for _, r := range others {
		if err := expect(ctx, s, r); err != nil {
			return fmt.Errorf("a record of subject %q, after those of %q were deleted: %w", r.Subject, subject, err)
		}
	}
	return nil
}

func deleteSubjectBatches(ctx context.Context, s store.Store) error {
	d, err := deleter(s)
	if err != nil {
		return err
	}
	subject := newSubject()
	if _, err := createMany(ctx, s, subject, 2*many); err != nil {
		return err
	}
	ending, cancel := context.WithCancel(ctx)
	defer cancel()
	left, yielded := 2*many, map[store.ID]bool{}
	for _, how := range []struct {
		name string
		ctx  context.Context
		loop func() bool // whether to go on
	}{
		{"left its loop", ctx, func() bool { return false }},
		{"ended its context", ending, func() bool { cancel(); return true }},
		{"let it run", ctx, func() bool { return true }},
	} {
		n := 0
		var ended error
		for id, err := range d.DeleteSubject(how.ctx, subject, store.ID{}) {
			switch {
			case ended != nil:
				return fmt.Errorf("the loop goes on after the error %v", ended)
			case err != nil && id != store.ID{}:
				return in("DeleteSubject of "+id.String(), err)
			case err != nil:
				ended = err
				continue
			case yielded[id]:
				return errors.New("DeleteSubject yielded an ID that it had deleted before")
			}
			yielded[id] = true
			n++
			if err := expectNone(ctx, s, id); err != nil {
				return fmt.Errorf("in the loop, after DeleteSubject yielded its ID: %w", err)
			}
			if !how.loop() {
				break
			}
		}
		if err := expectErr("DeleteSubject whose caller "+how.name, ended, how.ctx.Err()); err != nil {
			return err
		}
		there, err := all(d.List(ctx, subject))
		if err != nil {
			return in("List", err)
		}
		deleted := left - len(there)
		if left = len(there); deleted < n || deleted > n+store.MaxBatch {
			return fmt.Errorf("DeleteSubject whose caller %s yielded %d IDs and deleted %d records", how.name, n, deleted)
		}
		if how.ctx == ending && deleted > store.MaxBatch {
			return fmt.Errorf("DeleteSubject deleted %d records after its context had ended", deleted)
		}
	}
	if left != 0 {
		return fmt.Errorf("DeleteSubject left %d records", left)
	}
	return nil
}

func deleteSubjectMoved(ctx context.Context, s store.Store) error {
	d, err := deleter(s)
	if err != nil {
		return err
	}
	home, away := newSubject(), newSubject()
	records, err := createMany(ctx, s, home, many)
	if err != nil {
		return err
	}
	// move moves a record, and tells whether it was there.
	move := func(r *store.Record) (bool, error) {
		n := next(*r)
		n.Subject = away
		err := s.Save(ctx, n, r.Version)
		if errors.Is(err, store.ErrConflict) {
			return false, nil
		}
		*r = n
		return err == nil, in("Save", err)
	}
	moved := make([]bool, many)
	var moving error
	yielded := map[store.ID]bool{}
	// Half of them while it runs, and half of them in its loop.
	var beside sync.WaitGroup
	defer beside.Wait()
	besides := func() {
		for i := 0; i < many && moving == nil; i += 2 {
			moved[i], moving = move(&records[i])
			runtime.Gosched()
		}
	}
	for id, err := range d.DeleteSubject(ctx, home, store.ID{}) {
		if err != nil {
			return in("DeleteSubject", err)
		}
		if yielded[id] = true; len(yielded) > 1 {
			continue
		}
		beside.Go(besides)
		for i := 1; i < many; i += 2 {
			if moved[i], err = move(&records[i]); err != nil {
				return err
			}
		}
	}
	if len(yielded) == 0 {
		return errors.New("DeleteSubject yielded nothing")
	}
	beside.Wait()
	if moving != nil {
		return moving
	}
	var want []store.Record
	for i, r := range records {
		switch {
		case moved[i] && yielded[r.ID]:
			return errors.New("DeleteSubject yielded the ID of a record that was moved to another subject")
		case moved[i]:
			want = append(want, r)
		case !yielded[r.ID]:
			return errors.New("a record is not there for Save, and DeleteSubject did not yield its ID")
		}
	}
	return cmp.Or(expectList(ctx, d, home), expectList(ctx, d, away, want...))
}

func deleteSubjectFinal(ctx context.Context, s store.Store) error {
	const sessions = 8
	d, err := deleter(s)
	if err != nil {
		return err
	}
	for round := range 8 {
		subject := newSubject()
		records, err := createMany(ctx, s, subject, sessions)
		if err != nil {
			return err
		}
		var deleted atomic.Bool
		errs := make([]error, sessions+1)
		together(sessions+1, func(i int) {
			if i == sessions {
				for range round { // at another moment each time
					s.Load(ctx, records[0].ID)
					runtime.Gosched()
				}
				_, errs[i] = all(d.DeleteSubject(ctx, subject, store.ID{}))
				deleted.Store(true)
				return
			}
			for found := records[i]; !deleted.Load(); runtime.Gosched() {
				n := next(found)
				switch err := s.Save(ctx, n, found.Version); {
				case errors.Is(err, store.ErrConflict):
					return
				case err != nil:
					errs[i] = in("Save", err)
					return
				}
				if err := s.Touch(ctx, n.ID, n.Version, n.Seen, n.Expires); err != nil {
					errs[i] = in("Touch", err)
					return
				}
				found = n
			}
		})
		if err := cmp.Or(errs...); err != nil {
			return err
		}
		for _, r := range records {
			if err := expectNone(ctx, s, r.ID); err != nil {
				return err
			}
		}
		if err := expectList(ctx, d, subject); err != nil {
			return err
		}
	}
	return nil
}
