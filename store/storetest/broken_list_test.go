package storetest

import (
	"context"
	"encoding/base64"
	"errors"
	"iter"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/b4468f51/session/store"
)

// fold is an ID as text of one case.
func fold(id store.ID) string {
	return strings.ToLower(base64.RawURLEncoding.EncodeToString(id[:]))
}

type listsExpired struct{ *mapStore }

func (s listsExpired) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return s.listWhere(ctx, func(r store.Record) bool { return r.Subject == subject && subject != "" })
}

type listFolds struct{ *mapStore }

func (s listFolds) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return s.listWhere(ctx, func(r store.Record) bool {
		return strings.EqualFold(r.Subject, subject) && subject != "" && time.Now().Before(r.Expires)
	})
}

type listTrims struct{ *mapStore }

func (s listTrims) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return s.listWhere(ctx, func(r store.Record) bool {
		return strings.TrimSpace(r.Subject) == strings.TrimSpace(subject) && subject != "" && time.Now().Before(r.Expires)
	})
}

type listsEmpty struct{ *mapStore }

func (s listsEmpty) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return s.listWhere(ctx, func(r store.Record) bool { return r.Subject == subject && time.Now().Before(r.Expires) })
}

// indexStays lists by the subject that a record was created with.
type indexStays struct {
	*mapStore
	mu    sync.Mutex
	index map[store.ID]string
}

func (s *indexStays) Create(ctx context.Context, rec store.Record) error {
	err := s.mapStore.Create(ctx, rec)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.index[rec.ID] = rec.Subject
	}
	return err
}

func (s *indexStays) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return s.listWhere(ctx, func(r store.Record) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.index[r.ID] == subject && subject != "" && time.Now().Before(r.Expires)
	})
}

// listUnsteady takes a record off its subject while it is saved.
type listUnsteady struct {
	*mapStore
	mu     sync.Mutex
	saving map[store.ID]bool
}

func (s *listUnsteady) Save(ctx context.Context, rec store.Record, old uint64) error {
	s.mu.Lock()
	s.saving[rec.ID] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.saving, rec.ID)
		s.mu.Unlock()
	}()
	wait := time.NewTimer(10 * time.Microsecond)
	<-wait.C
	return s.mapStore.Save(ctx, rec, old)
}

func (s *listUnsteady) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return s.listWhere(ctx, func(r store.Record) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return liveOf(subject)(r) && !s.saving[r.ID]
	})
}

// listsAtOnce loads all records when its loop begins.
type listsAtOnce struct{ *mapStore }

func (s listsAtOnce) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		records, err := all(s.mapStore.List(ctx, subject))
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			yield(store.Record{}, err)
		}
	}
}

// listsOn does not look at its context once its loop has begun.
type listsOn struct{ *mapStore }

func (s listsOn) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(store.Record{}, err)
			return
		}
		s.mapStore.List(context.WithoutCancel(ctx), subject)(yield)
	}
}

// listsSilently ends its loop without an error when its context ends.
type listsSilently struct{ *mapStore }

func (s listsSilently) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		begun := ctx.Err() == nil
		for r, err := range s.mapStore.List(ctx, subject) {
			if err != nil && begun || !yield(r, err) {
				return
			}
		}
	}
}

type createKeepsSlice struct{ *mapStore }

func (s createKeepsSlice) Create(ctx context.Context, rec store.Record) error {
	err := s.mapStore.Create(ctx, rec)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r, ok := s.records[rec.ID]; ok && r.Version == rec.Version {
			r.Data = rec.Data
			s.records[rec.ID] = r
		}
	}
	return err
}

// gcTakes collects what it should not.
type gcTakes struct {
	*mapStore
	match func(store.Record) bool
}

func (s gcTakes) GC(ctx context.Context) (int, error) { return s.collectWhere(ctx, s.match) }

// gcForgets leaves some of what expired.
type gcForgets struct{ *mapStore }

func (s gcForgets) GC(ctx context.Context) (int, error) {
	return s.collectWhere(ctx, func(r store.Record) bool {
		return !time.Now().Before(r.Expires.Add(store.GCDelay)) && r.Version%8 != 0
	})
}

type gcUncounted struct{ *mapStore }

func (s gcUncounted) GC(ctx context.Context) (int, error) {
	_, err := s.mapStore.GC(ctx)
	return 0, err
}

// gcCountsEarly looks for what expired, and then deletes it by ID.
type gcCountsEarly struct{ *mapStore }

func (s gcCountsEarly) GC(ctx context.Context) (int, error) {
	old, err := all(s.listWhere(ctx, func(r store.Record) bool {
		return !time.Now().Before(r.Expires.Add(store.GCDelay))
	}))
	for _, r := range old {
		runtime.Gosched()
		err = errors.Join(err, s.Delete(ctx, r.ID))
	}
	return len(old), err
}

type gcIgnoresContext struct{ *mapStore }

func (s gcIgnoresContext) GC(context.Context) (int, error) {
	return s.mapStore.GC(context.Background())
}

type pingFails struct{ *mapStore }

func (pingFails) Ping(context.Context) error { return errors.New("no answer") }

type closedPanics struct {
	*mapStore
	closed bool
}

func (s *closedPanics) Close() error {
	s.closed = true
	return nil
}

func (s *closedPanics) Load(ctx context.Context, id store.ID) (store.Record, error) {
	if s.closed {
		panic("closed")
	}
	return s.mapStore.Load(ctx, id)
}
