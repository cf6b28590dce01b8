package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/b4468f51/session/store"
)

// newID returns an ID that nobody uses.
func newID() store.ID {
	var id store.ID
	rand.Read(id[:])
	return id
}

// newSubject returns a subject that nobody uses.
func newSubject() string { return "subject-" + strings.ToLower(rand.Text()) }

var lastVersion atomic.Uint64

// newVersion returns a version that was not used before. It is small: that all
// 64 bits count is a rule of its own, and a store that breaks it should not
// fail every other one too.
func newVersion() uint64 { return lastVersion.Add(1) }

// now returns the time as a record holds it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// newRecord returns a live record of a new subject.
func newRecord() store.Record {
	now := now()
	r := store.Record{
		ID:       newID(),
		Version:  newVersion(),
		Subject:  newSubject(),
		Created:  now.Add(-2 * time.Minute),
		Seen:     now.Add(-time.Minute),
		Expires:  now.Add(time.Hour),
		Deadline: now.Add(24 * time.Hour),
	}
	r.Data = dataOf(r.Version)
	return r
}

// dataOf returns data that tells which version it belongs to.
func dataOf(version uint64) []byte {
	return fmt.Appendf(nil, "data of version %d", version)
}

// next returns a record that replaces r: of another version, with other data,
// seen now, and expiring later.
func next(r store.Record) store.Record {
	r.Version = newVersion()
	r.Data = dataOf(r.Version)
	r.Seen = now()
	r.Expires = r.Expires.Add(time.Minute)
	r.Deadline = r.Deadline.Add(time.Minute)
	return r
}

// create creates a new record after change, if any, was applied to it.
func create(ctx context.Context, s store.Store, change func(*store.Record)) (store.Record, error) {
	r := newRecord()
	if change != nil {
		change(&r)
	}
	if err := s.Create(ctx, r); err != nil {
		return r, in("Create", err)
	}
	return r, nil
}

// diff returns an error that names the fields in which got is not want.
func diff(got, want store.Record) error {
	var errs []error
	if got.ID != want.ID {
		errs = append(errs, in("ID", fmt.Errorf("%v, want %v", got.ID, want.ID)))
	}
	if got.Version != want.Version {
		errs = append(errs, in("Version", fmt.Errorf("%#x, want %#x", got.Version, want.Version)))
	}
	if got.Subject != want.Subject {
		errs = append(errs, in("Subject", fmt.Errorf("%q, want %q", got.Subject, want.Subject)))
	}
	for _, t := range []struct {
		name      string
		got, want time.Time
	}{
		{"Created", got.Created, want.Created},
		{"Seen", got.Seen, want.Seen},
		{"Expires", got.Expires, want.Expires},
		{"Deadline", got.Deadline, want.Deadline},
	} {
		if !t.got.Equal(t.want) {
			errs = append(errs, in(t.name, fmt.Errorf("%v, want %v", t.got, t.want)))
		} else if t.got.Location() != time.UTC {
			errs = append(errs, in(t.name, fmt.Errorf("location %v, want UTC", t.got.Location())))
		}
	}
	// Whether no data is nil or empty makes no difference.
	if !bytes.Equal(got.Data, want.Data) {
		errs = append(errs, in("Data", fmt.Errorf("%s, want %s", brief(got.Data), brief(want.Data))))
	}
	return errors.Join(errs...)
}

// brief is data as an error shows it.
func brief(data []byte) string {
	if len(data) <= 64 {
		return fmt.Sprintf("%q", data)
	}
	return fmt.Sprintf("%d bytes that begin with %q", len(data), data[:64])
}

// expect checks that Load returns want.
func expect(ctx context.Context, s store.Store, want store.Record) error {
	got, err := s.Load(ctx, want.ID)
	if err == nil {
		err = diff(got, want)
	}
	if err != nil {
		return in("Load", err)
	}
	return nil
}

// expectNone checks that Load finds no record of the ID.
func expectNone(ctx context.Context, s store.Store, id store.ID) error {
	got, err := s.Load(ctx, id)
	return expectErr(fmt.Sprintf("Load (of a record whose version is %#x)", got.Version), err, store.ErrNotFound)
}

// expectErr checks that an operation returned the error it should, nil
// included.
func expectErr(op string, got, want error) error {
	switch {
	case errors.Is(got, want):
		return nil
	case want == nil:
		return fmt.Errorf("%s: %w", op, got)
	}
	return fmt.Errorf("%s: the error is %v, want %v", op, got, want)
}

// in says in which operation, or which of several cases, an error happened.
func in(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}
