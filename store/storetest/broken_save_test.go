package storetest

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/b4468f51/session/store"
)

// transform changes the records that it is given.
type transform struct {
	*mapStore
	change func(*store.Record)
}

func (s transform) Create(ctx context.Context, rec store.Record) error {
	s.change(&rec)
	return s.mapStore.Create(ctx, rec)
}

func (s transform) Save(ctx context.Context, rec store.Record, old uint64) error {
	s.change(&rec)
	return s.mapStore.Save(ctx, rec, old)
}

type saveUpserts struct{ *mapStore }

func (s saveUpserts) Save(ctx context.Context, rec store.Record, old uint64) error {
	s.mu.Lock()
	_, there := s.records[rec.ID]
	s.mu.Unlock()
	if !there {
		return s.mapStore.Create(ctx, rec)
	}
	return s.mapStore.Save(ctx, rec, old)
}

type saveRevives struct{ *mapStore }

func (s saveRevives) Save(ctx context.Context, rec store.Record, old uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if r, ok := s.records[rec.ID]; !ok || r.Version != old {
		return store.ErrConflict
	}
	s.swapLocked(rec)
	return nil
}

type saveIgnoresVersion struct{ *mapStore }

func (s saveIgnoresVersion) Save(ctx context.Context, rec store.Record, old uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, ok := s.liveLocked(rec.ID); !ok {
		return store.ErrConflict
	}
	s.swapLocked(rec)
	return nil
}

// saveNotAtomic compares, and then swaps.
type saveNotAtomic struct{ *mapStore }

func (s saveNotAtomic) Save(ctx context.Context, rec store.Record, old uint64) error {
	r, err := s.Load(ctx, rec.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Version != old {
		return store.ErrConflict
	}
	if err != nil {
		return err
	}
	runtime.Gosched()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.liveLocked(rec.ID); !ok {
		return store.ErrConflict
	}
	s.swapLocked(rec)
	return nil
}

// saveResurrects looks whether the record is there, and then writes it.
type saveResurrects struct{ *mapStore }

func (s saveResurrects) Save(ctx context.Context, rec store.Record, old uint64) error {
	r, err := s.Load(ctx, rec.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Version != old {
		return store.ErrConflict
	}
	if err != nil {
		return err
	}
	runtime.Gosched()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, ok := s.records[rec.ID]; ok && now.Version != old {
		return store.ErrConflict
	}
	rec = over(r, rec)
	s.records[rec.ID] = rec
	s.swapLocked(rec)
	return nil
}

// saveLost acknowledges every seventh write of a record, and does not do it.
type saveLost struct {
	*mapStore
	mu    sync.Mutex
	saves map[store.ID]int
}

func (s *saveLost) Save(ctx context.Context, rec store.Record, old uint64) error {
	if r, err := s.Load(ctx, rec.ID); err == nil && r.Version == old {
		s.mu.Lock()
		s.saves[rec.ID]++
		n := s.saves[rec.ID]
		s.mu.Unlock()
		if n%7 == 0 {
			return nil
		}
	}
	return s.mapStore.Save(ctx, rec, old)
}

type saveMovesCreated struct{ *mapStore }

func (s saveMovesCreated) Save(ctx context.Context, rec store.Record, old uint64) error {
	return s.afterSave(ctx, rec, old, func(saved *store.Record) { saved.Created = rec.Created })
}

type saveLeavesDeadline struct{ *mapStore }

func (s saveLeavesDeadline) Save(ctx context.Context, rec store.Record, old uint64) error {
	if r, err := s.Load(ctx, rec.ID); err == nil {
		rec.Deadline = r.Deadline
	}
	return s.mapStore.Save(ctx, rec, old)
}

// afterSave applies f to what a Save has put in the place of a record.
func (s *mapStore) afterSave(ctx context.Context, rec store.Record, old uint64, f func(saved *store.Record)) error {
	err := s.Save(ctx, rec, old)
	if err != nil {
		return err
	}
	return s.change(ctx, rec.ID, func(r *store.Record) {
		if r.Version == rec.Version {
			f(r)
		}
	})
}

// saveMovesBack writes the times that it is given.
type saveMovesBack struct{ *mapStore }

func (s saveMovesBack) Save(ctx context.Context, rec store.Record, old uint64) error {
	return s.afterSave(ctx, rec, old, func(saved *store.Record) {
		saved.Seen, saved.Expires = rec.Seen, rec.Expires
	})
}

// saveEndsEarlier keeps when a record was seen, and not when it expires.
type saveEndsEarlier struct{ *mapStore }

func (s saveEndsEarlier) Save(ctx context.Context, rec store.Record, old uint64) error {
	return s.afterSave(ctx, rec, old, func(saved *store.Record) { saved.Expires = rec.Expires })
}

// saveRefusesOlder takes the record that was seen earlier for an older one.
type saveRefusesOlder struct{ *mapStore }

func (s saveRefusesOlder) Save(ctx context.Context, rec store.Record, old uint64) error {
	if r, err := s.Load(ctx, rec.ID); err == nil && rec.Seen.Before(r.Seen) {
		return store.ErrConflict
	}
	return s.mapStore.Save(ctx, rec, old)
}

// saveInPlace writes new data over the old: small data alone, which no rule
// reads at the same time, or the race detector would be first to tell.
type saveInPlace struct{ *mapStore }

func (s saveInPlace) Save(ctx context.Context, rec store.Record, old uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	r, ok := s.liveLocked(rec.ID)
	if !ok || r.Version != old {
		return store.ErrConflict
	}
	rec = over(r, rec)
	if rec.Data = bytes.Clone(rec.Data); len(rec.Data) <= 2 {
		rec.Data = append(r.Data[:0], rec.Data...)
	}
	s.records[rec.ID] = rec
	return nil
}

type saveKeepsSlice struct{ *mapStore }

func (s saveKeepsSlice) Save(ctx context.Context, rec store.Record, old uint64) error {
	return s.afterSave(ctx, rec, old, func(saved *store.Record) { saved.Data = rec.Data })
}

// saveHalf writes the subject, and the rest if the context still lasts.
type saveHalf struct{ *mapStore }

func (s saveHalf) Save(ctx context.Context, rec store.Record, old uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	r, ok := s.liveLocked(rec.ID)
	if !ok || r.Version != old {
		return store.ErrConflict
	}
	r.Subject = rec.Subject
	s.records[r.ID] = r
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50 * time.Microsecond):
	}
	s.swapLocked(rec)
	return nil
}

// foldsID takes IDs for text of one case.
type foldsID struct{ *mapStore }

func (s foldsID) Create(ctx context.Context, rec store.Record) error {
	s.mu.Lock()
	for id := range s.records {
		if fold(id) == fold(rec.ID) && ctx.Err() == nil {
			s.mu.Unlock()
			return store.ErrExists
		}
	}
	s.mu.Unlock()
	return s.mapStore.Create(ctx, rec)
}
