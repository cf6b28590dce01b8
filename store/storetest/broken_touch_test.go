package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/b4468f51/session/store"
)

// change applies f to a record that is there, whatever its version.
func (s *mapStore) change(ctx context.Context, id store.ID, f func(*store.Record)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if r, ok := s.records[id]; ok {
		f(&r)
		s.records[id] = r
	}
	return nil
}

// touchBumps counts the version up.
type touchBumps struct{ *mapStore }

func (s touchBumps) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	return s.change(ctx, id, func(r *store.Record) {
		if r.Version == version && time.Now().Before(r.Expires) && !seen.Before(r.Seen) {
			r.Version, r.Seen, r.Expires = r.Version+1<<20, seen, expires
		}
	})
}

type touchIgnoresVersion struct{ *mapStore }

func (s touchIgnoresVersion) Touch(ctx context.Context, id store.ID, _ uint64, seen, expires time.Time) error {
	return s.change(ctx, id, func(r *store.Record) {
		if time.Now().Before(r.Expires) && !seen.Before(r.Seen) {
			r.Seen, r.Expires = seen, expires
		}
	})
}

// touchesRecords is not broken.
type touchesRecords struct{ *mapStore }

func (s touchesRecords) TouchRecord(ctx context.Context, rec store.Record, seen, expires time.Time) error {
	return s.Touch(ctx, rec.ID, rec.Version, seen, expires)
}

type touchRecordIgnoresVersion struct{ *mapStore }

func (s touchRecordIgnoresVersion) TouchRecord(ctx context.Context, rec store.Record, seen, expires time.Time) error {
	return touchIgnoresVersion(s).Touch(ctx, rec.ID, rec.Version, seen, expires)
}

// touchErrs is strict about what it touches.
type touchErrs struct{ *mapStore }

func (s touchErrs) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	r, err := s.Load(ctx, id)
	if err != nil {
		return err
	}
	if r.Version != version {
		return store.ErrConflict
	}
	return s.mapStore.Touch(ctx, id, version, seen, expires)
}

type touchRevives struct{ *mapStore }

func (s touchRevives) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	return s.change(ctx, id, func(r *store.Record) {
		if r.Version == version && !seen.Before(r.Seen) {
			r.Seen, r.Expires = seen, expires
		}
	})
}

// touchMovesBack writes the times that it is given.
type touchMovesBack struct{ *mapStore }

func (s touchMovesBack) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	return s.change(ctx, id, func(r *store.Record) {
		if r.Version == version && time.Now().Before(r.Expires) {
			r.Seen, r.Expires = seen, expires
		}
	})
}

type touchUpserts struct{ *mapStore }

func (s touchUpserts) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	err := s.Create(ctx, store.Record{ID: id, Version: version, Seen: seen, Expires: expires})
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	return s.mapStore.Touch(ctx, id, version, seen, expires)
}

// touchExtends takes the later of two times.
type touchExtends struct{ *mapStore }

func (s touchExtends) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	return s.change(ctx, id, func(r *store.Record) {
		if r.Version == version && time.Now().Before(r.Expires) && !seen.Before(r.Seen) {
			r.Seen = seen
			if expires.After(r.Expires) {
				r.Expires = expires
			}
		}
	})
}

type deleteErrs struct{ *mapStore }

func (s deleteErrs) Delete(ctx context.Context, id store.ID) error {
	s.mu.Lock()
	_, there := s.records[id]
	s.mu.Unlock()
	if !there && ctx.Err() == nil {
		return store.ErrNotFound
	}
	return s.mapStore.Delete(ctx, id)
}

type deleteForgets struct{ *mapStore }

func (s deleteForgets) Delete(ctx context.Context, id store.ID) error { return ctx.Err() }

type loadsExpired struct{ *mapStore }

func (s loadsExpired) Load(ctx context.Context, id store.ID) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return store.Record{}, err
	}
	r, ok := s.records[id]
	if !ok {
		return store.Record{}, store.ErrNotFound
	}
	return r, nil
}

// loadCached returns what an earlier load found, now and then.
type loadCached struct {
	*mapStore
	mu    sync.Mutex
	cache map[store.ID]store.Record
	loads map[store.ID]int
}

func (s *loadCached) Load(ctx context.Context, id store.ID) (store.Record, error) {
	r, err := s.mapStore.Load(ctx, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads[id]++
	switch cached := s.cache[id]; {
	case err == nil && s.loads[id]%10 == 5:
		s.cache[id] = r
	case err == nil && s.loads[id]%10 == 0 && time.Now().Before(cached.Expires):
		return cached, nil
	}
	return r, err
}

// expiryLate returns a record a second too long.
type expiryLate struct{ *mapStore }

func (s expiryLate) Load(ctx context.Context, id store.ID) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return store.Record{}, err
	}
	r, ok := s.records[id]
	if !ok || !time.Now().Before(r.Expires.Add(time.Second)) {
		return store.Record{}, store.ErrNotFound
	}
	return r, nil
}

type ignoresContext struct{ *mapStore }

func (s ignoresContext) Load(ctx context.Context, id store.ID) (store.Record, error) {
	return s.mapStore.Load(context.WithoutCancel(ctx), id)
}

func (s ignoresContext) Create(ctx context.Context, rec store.Record) error {
	return s.mapStore.Create(context.WithoutCancel(ctx), rec)
}

func (s ignoresContext) Save(ctx context.Context, rec store.Record, old uint64) error {
	return s.mapStore.Save(context.WithoutCancel(ctx), rec, old)
}

func (s ignoresContext) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	return s.mapStore.Touch(context.WithoutCancel(ctx), id, version, seen, expires)
}

func (s ignoresContext) Delete(ctx context.Context, id store.ID) error {
	return s.mapStore.Delete(context.WithoutCancel(ctx), id)
}

// contextNotFound answers where it has not looked.
type contextNotFound struct{ *mapStore }

func (s contextNotFound) Load(ctx context.Context, id store.ID) (store.Record, error) {
	if ctx.Err() != nil {
		return store.Record{}, store.ErrNotFound
	}
	return s.mapStore.Load(ctx, id)
}
