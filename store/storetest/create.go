package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/b4468f51/session/store"
)

func createLoad(ctx context.Context, s store.Store) error {
	year := func(y, ms int) time.Time {
		return time.Date(y, time.February, 28, 23, 59, 59, ms*int(time.Millisecond), time.UTC)
	}
	for _, c := range []struct {
		name   string
		change func(*store.Record)
	}{
		{"a plain record", nil},
		{"times of odd milliseconds", func(r *store.Record) {
			r.Created, r.Seen = year(2001, 1), year(2024, 999)
			r.Expires, r.Deadline = year(2099, 123), year(2199, 7)
		}},
		{"an anonymous record", func(r *store.Record) { r.Subject = "" }},
		{"a subject with quotes", func(r *store.Record) { r.Subject += `'"; DROP TABLE sessions; -- \ %_*?[]{}` }},
		{"a subject in Unicode", func(r *store.Record) { r.Subject += " Ærøskøbing 日本語 🧑‍🚀 \u200b\u2028\t\n" }},
		{"a subject in capitals", func(r *store.Record) { r.Subject = strings.ToUpper(r.Subject) }},
		{"a subject with spaces at its end", func(r *store.Record) { r.Subject += "  " }},
		{"a subject of 512 bytes", func(r *store.Record) { r.Subject += strings.Repeat("é", (512-len(r.Subject))/2) }},
		{"nil data", func(r *store.Record) { r.Data = nil }},
		{"empty data", func(r *store.Record) { r.Data = []byte{} }},
	} {
		r, err := create(ctx, s, c.change)
		if err == nil {
			err = expect(ctx, s, r)
		}
		if err != nil {
			return in(c.name, err)
		}
	}
	return nil
}

func versions(ctx context.Context, s store.Store) error {
	for _, v := range []uint64{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<53 + 1, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 1, 0xfedc_ba98_7654_3211} {
		r, err := create(ctx, s, func(r *store.Record) { r.Version = v })
		if err == nil {
			err = expect(ctx, s, r)
		}
		if err != nil {
			return in(fmt.Sprintf("version %#x", v), err)
		}
		// One bit makes another version, whichever it is.
		for bit := range 64 {
			other := v ^ 1<<bit
			if err := expectErr("Save", s.Save(ctx, next(r), other), store.ErrConflict); err != nil {
				return in(fmt.Sprintf("version %#x, saved over %#x", v, other), err)
			}
		}
		saved := next(r)
		saved.Version = ^v
		if err := s.Save(ctx, saved, v); err != nil {
			return in(fmt.Sprintf("version %#x", v), in("Save", err))
		}
		if err := expect(ctx, s, saved); err != nil {
			return in(fmt.Sprintf("saved with version %#x", ^v), err)
		}
	}
	return nil
}

func ids(ctx context.Context, s store.Store) error {
	random := newID()
	with := func(tail ...byte) store.ID {
		id := random
		copy(id[8:], "mnopqrst") // no tail is another's by chance
		copy(id[len(id)-len(tail):], tail)
		return id
	}
	// The last two differ, as text, in the case of one letter alone.
	all := []store.ID{with(0), with(' '), with('\n'), with(0xff), with(0, 0), with(' ', ' '), with(0, 0xff), with('\'', '"'), with(0, 0, 0, 0), with(26<<2, 0, 0, 0)}
	var records []store.Record
	for _, id := range all {
		r, err := create(ctx, s, func(r *store.Record) { r.ID = id })
		if err != nil {
			return in(fmt.Sprintf("ID %x", id[:]), err)
		}
		records = append(records, r)
	}
	for _, r := range records {
		if err := expect(ctx, s, r); err != nil {
			return in(fmt.Sprintf("ID %x", r.ID[:]), err)
		}
	}
	for i, r := range records {
		if err := s.Delete(ctx, r.ID); err != nil {
			return in("Delete", err)
		}
		for _, other := range records[i+1:] {
			if err := expect(ctx, s, other); err != nil {
				return fmt.Errorf("after ID %x was deleted, ID %x: %w", r.ID[:], other.ID[:], err)
			}
		}
	}
	return nil
}

func createExists(ctx context.Context, s store.Store) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	second := next(r)
	second.Subject = newSubject()
	if err := expectErr("the second Create", s.Create(ctx, second), store.ErrExists); err != nil {
		return err
	}
	if err := expectErr("Create of the very record again", s.Create(ctx, r), store.ErrExists); err != nil {
		return err
	}
	return expect(ctx, s, r)
}

func createExpired(ctx context.Context, s store.Store) error {
	return eachExpired(ctx, s, func(r store.Record) error {
		n := newRecord()
		n.ID = r.ID
		if err := s.Create(ctx, n); err != nil {
			return in("Create", err)
		}
		return expect(ctx, s, n)
	})
}

func createOnce(ctx context.Context, s store.Store) error {
	const creators = 16
	for range 8 {
		first := newRecord()
		records := make([]store.Record, creators)
		errs := make([]error, creators)
		together(creators, func(i int) {
			records[i] = next(first)
			errs[i] = s.Create(ctx, records[i])
		})
		winner := -1
		for i, err := range errs {
			switch {
			case errors.Is(err, store.ErrExists):
			case err != nil:
				return in("Create", err)
			case winner >= 0:
				return errors.New("two Creates of one ID succeeded")
			default:
				winner = i
			}
		}
		if winner < 0 {
			return errors.New("every Create returned ErrExists")
		}
		if err := expect(ctx, s, records[winner]); err != nil {
			return err
		}
	}
	return nil
}

func loadUnknown(ctx context.Context, s store.Store) error {
	return expectNone(ctx, s, newID())
}
