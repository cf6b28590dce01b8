package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/b4468f51/session/store"
)

// all returns what a loop over a store yields, until it yields an error. That has
// to be the last.
func all[T any](seq iter.Seq2[T, error]) (values []T, err error) {
	for v, e := range seq {
		if err != nil {
			return values, fmt.Errorf("the loop goes on after the error %v", err)
		}
		if err = e; e == nil {
			values = append(values, v)
		}
	}
	return values, err
}

// expectList checks that List returns these records.
func expectList(ctx context.Context, l store.Lister, subject string, want ...store.Record) error {
	got, err := all(l.List(ctx, subject))
	if err != nil {
		return in("List", err)
	}
	found := map[store.ID]store.Record{}
	for _, r := range got {
		if _, twice := found[r.ID]; twice {
			return fmt.Errorf("List(%q) returned a record twice", subject)
		}
		found[r.ID] = r
	}
	for _, w := range want {
		r, ok := found[w.ID]
		if !ok {
			return fmt.Errorf("List(%q) missed a record: it returned %d, not the %d that there are", subject, len(got), len(want))
		}
		if err := diff(r, w); err != nil {
			return fmt.Errorf("List(%q): %w", subject, err)
		}
	}
	if len(got) > len(want) {
		return fmt.Errorf("List(%q) returned %d records where there are %d", subject, len(got), len(want))
	}
	return nil
}

func list(ctx context.Context, s store.Store) error {
	l, err := lister(s)
	if err != nil {
		return err
	}
	if err := expectList(ctx, l, newSubject()); err != nil {
		return err
	}
	subject := newSubject()
	var records []store.Record
	for range 20 {
		r, err := create(ctx, s, func(r *store.Record) { r.Subject = subject })
		if err != nil {
			return err
		}
		records = append(records, r)
	}
	for _, change := range []func(*store.Record){nil, func(r *store.Record) { r.Subject = "" }} {
		if _, err := create(ctx, s, change); err != nil {
			return err
		}
	}
	if err := expectList(ctx, l, subject, records...); err != nil {
		return err
	}
	return expectList(ctx, l, "")
}

func listBytes(ctx context.Context, s store.Store) error {
	l, err := lister(s)
	if err != nil {
		return err
	}
	base := newSubject() + "é"
	subjects := []string{
		base,
		strings.ToUpper(base),
		base + " ",
		" " + base,
		base + "\n",
		strings.ReplaceAll(base, "é", "e\u0301"), // the same letter, decomposed
		strings.ReplaceAll(base, "é", "e"),
		strings.ReplaceAll(base, "é", "E"),
		base + "\u200b",
		base + "%",
		base + "_",
		base + "*",
		base + "'",
		base + `\`,
		strings.ReplaceAll(base, "-", "_"),
	}
	var records []store.Record
	for _, subject := range subjects {
		r, err := create(ctx, s, func(r *store.Record) { r.Subject = subject })
		if err != nil {
			return in(fmt.Sprintf("subject %q", subject), err)
		}
		records = append(records, r)
	}
	for _, r := range records {
		if err := expectList(ctx, l, r.Subject, r); err != nil {
			return err
		}
	}
	return nil
}

func listMoves(ctx context.Context, s store.Store) error {
	l, err := lister(s)
	if err != nil {
		return err
	}
	stays, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	r, err := create(ctx, s, func(r *store.Record) { r.Subject = "" })
	if err != nil {
		return err
	}
	home := stays.Subject
	// In and out of the subject of another record, and of one of its own.
	for _, subject := range []string{home, newSubject(), home, home, "", newSubject()} {
		n := next(r)
		n.Subject = subject
		if err := s.Save(ctx, n, r.Version); err != nil {
			return in("Save", err)
		}
		if err := expectMoved(ctx, l, stays, r.Subject, n); err != nil {
			return fmt.Errorf("after subject %q became %q: %w", r.Subject, subject, err)
		}
		r = n
	}
	// A Save that changes nothing moves nothing.
	n := next(r)
	n.Subject = home
	if err := expectErr("Save over another version", s.Save(ctx, n, newVersion()), store.ErrConflict); err != nil {
		return err
	}
	if err := expectMoved(ctx, l, stays, home, r); err != nil {
		return fmt.Errorf("after a Save that returned ErrConflict: %w", err)
	}
	if err := s.Delete(ctx, r.ID); err != nil {
		return in("Delete", err)
	}
	if err := expectList(ctx, l, r.Subject); err != nil {
		return fmt.Errorf("after Delete: %w", err)
	}
	if err := s.Delete(ctx, stays.ID); err != nil {
		return in("Delete", err)
	}
	return expectList(ctx, l, home)
}

// expectMoved checks that r is listed under its own subject and not under the
// one before, and that the record which stays is listed all the while.
func expectMoved(ctx context.Context, l store.Lister, stays store.Record, before string, r store.Record) error {
	for _, subject := range []string{before, r.Subject, stays.Subject} {
		var want []store.Record
		if subject != "" && subject == r.Subject {
			want = append(want, r)
		}
		if subject == stays.Subject {
			want = append(want, stays)
		}
		if err := expectList(ctx, l, subject, want...); err != nil {
			return err
		}
	}
	return nil
}

func listSteady(ctx context.Context, s store.Store) error {
	const sessions, rounds = 8, 24
	l, err := lister(s)
	if err != nil {
		return err
	}
	subject := newSubject()
	records := map[store.ID]store.Record{}
	var order []store.Record
	for range sessions {
		r, err := create(ctx, s, func(r *store.Record) { r.Subject = subject })
		if err != nil {
			return err
		}
		records[r.ID] = r
		order = append(order, r)
	}
	var writing atomic.Int32
	writing.Store(sessions)
	errs := make([]error, sessions+2)
	together(sessions+2, func(i int) {
		if i >= sessions {
			for errs[i] == nil && writing.Load() > 0 {
				errs[i] = steady(ctx, l, subject, records)
				runtime.Gosched()
			}
			return
		}
		defer writing.Add(-1)
		for range rounds {
			n := next(order[i])
			errs[i] = cmp.Or(
				s.Save(ctx, n, order[i].Version),
				s.Touch(ctx, n.ID, n.Version, n.Seen, n.Expires))
			if errs[i] != nil {
				return
			}
			order[i] = n
			runtime.Gosched()
		}
	})
	return cmp.Or(errs...)
}

// steady checks that List returns these records, whatever their versions, and
// each with the data of its version.
func steady(ctx context.Context, l store.Lister, subject string, records map[store.ID]store.Record) error {
	got, err := all(l.List(ctx, subject))
	if err != nil {
		return in("List", err)
	}
	seen := map[store.ID]bool{}
	for _, r := range got {
		if _, ok := records[r.ID]; !ok || seen[r.ID] {
			return errors.New("a record was listed twice, or is of another subject")
		}
		seen[r.ID] = true
		if !bytes.Equal(r.Data, dataOf(r.Version)) {
			return fmt.Errorf("version %d was listed with data %s", r.Version, brief(r.Data))
		}
	}
	if len(seen) != len(records) {
		return fmt.Errorf("%d records were listed where there are %d", len(seen), len(records))
	}
	return nil
}
