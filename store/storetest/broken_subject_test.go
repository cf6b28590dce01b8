package storetest

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/b4468f51/session/store"
)

type deletesFolded struct{ *mapStore }

func (s deletesFolded) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return s.deleteWhere(ctx, func(r store.Record) bool {
		return strings.EqualFold(r.Subject, subject) && subject != "" && time.Now().Before(r.Expires) && r.ID != spare
	})
}

type deletesSpared struct{ *mapStore }

func (s deletesSpared) DeleteSubject(ctx context.Context, subject string, _ store.ID) iter.Seq2[store.ID, error] {
	return s.deleteWhere(ctx, liveOf(subject))
}

type deletesAnonymous struct{ *mapStore }

func (s deletesAnonymous) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return s.deleteWhere(ctx, func(r store.Record) bool {
		return r.Subject == subject && time.Now().Before(r.Expires) && r.ID != spare
	})
}

type deletesExpired struct{ *mapStore }

func (s deletesExpired) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return s.deleteWhere(ctx, func(r store.Record) bool { return r.Subject == subject && subject != "" && r.ID != spare })
}

type deletesNobody struct{ *mapStore }

func (s deletesNobody) DeleteSubject(ctx context.Context, _ string, _ store.ID) iter.Seq2[store.ID, error] {
	return s.deleteWhere(ctx, func(store.Record) bool { return false })
}

type deletesAtOnce struct{ *mapStore }

func (s deletesAtOnce) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return func(yield func(store.ID, error) bool) {
		ids, err := all(s.mapStore.DeleteSubject(ctx, subject, spare))
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(store.ID{}, err)
		}
	}
}

// deletesLate yields what it is about to delete.
type deletesLate struct{ *mapStore }

func (s deletesLate) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return func(yield func(store.ID, error) bool) {
		for r, err := range s.List(ctx, subject) {
			if err == nil && r.ID == spare {
				continue
			}
			if !yield(r.ID, err) {
				return
			}
			if err == nil {
				s.Delete(ctx, r.ID)
			}
		}
	}
}

type deletesOn struct{ *mapStore }

func (s deletesOn) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return s.mapStore.DeleteSubject(context.WithoutCancel(ctx), subject, spare)
}

// deletesFound looks for the records once, and then deletes them by ID.
type deletesFound struct{ *mapStore }

func (s deletesFound) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	found := map[store.ID]bool{}
	records, _ := all(s.List(ctx, subject))
	for _, r := range records {
		found[r.ID] = r.ID != spare
	}
	return s.deleteWhere(ctx, func(r store.Record) bool { return found[r.ID] && time.Now().Before(r.Expires) })
}

// deletesUnsaved deletes a record if it has the version that it was found with.
type deletesUnsaved struct{ *mapStore }

func (s deletesUnsaved) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	found := map[store.ID]uint64{}
	records, _ := all(s.List(ctx, subject))
	for _, r := range records {
		found[r.ID] = r.Version
	}
	<-time.After(50 * time.Microsecond)
	return s.deleteWhere(ctx, func(r store.Record) bool {
		return liveOf(subject)(r) && found[r.ID] == r.Version && r.ID != spare
	})
}
