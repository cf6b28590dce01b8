package storetest

import (
	"context"
	"time"

	"github.com/b4468f51/session/store"
)

// touchRecord checks the rules of Touch once more, by way of TouchRecord.
func touchRecord(ctx context.Context, s store.Store) error {
	t, ok := s.(store.RecordToucher)
	if !ok {
		return errUnable("store.RecordToucher")
	}
	by := byRecord{t}
	for _, check := range []func(context.Context, store.Store) error{touch, touchOlder, touchVersion, touchGone, touchExpired} {
		if err := check(ctx, by); err != nil {
			return err
		}
	}
	return touchListed(ctx, by)
}

// touchListed checks that a record with a subject is listed as it was touched.
func touchListed(ctx context.Context, s byRecord) error {
	l, err := lister(s.RecordToucher)
	if err != nil {
		return nil // it need not
	}
	r, err := create(ctx, s, func(r *store.Record) { r.Subject = newSubject() })
	if err != nil {
		return err
	}
	r.Seen, r.Expires = r.Seen.Add(time.Minute), r.Expires.Add(time.Minute)
	if err := s.Touch(ctx, r.ID, r.Version, r.Seen, r.Expires); err != nil {
		return in("TouchRecord", err)
	}
	return expectList(ctx, l, r.Subject, r)
}

// byRecord is a store whose Touch is its TouchRecord.
type byRecord struct{ store.RecordToucher }

func (s byRecord) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	rec, err := s.Load(ctx, id)
	if err != nil { // gone or expired since whoever touches has loaded it
		rec = store.Record{ID: id, Subject: newSubject()}
	}
	rec.Version, rec.Data = version, nil
	return s.TouchRecord(ctx, rec, seen, expires)
}
