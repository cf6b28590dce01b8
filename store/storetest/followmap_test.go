package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// A followMap is a mapStore that tells of changes.
type followMap struct {
	*mapStore
	followers sync.Map // of *func(store.ID)
}

func newFollowMap() *followMap { return &followMap{mapStore: newMapStore()} }

func (s *followMap) LoadAll(ctx context.Context, ids []store.ID) ([]store.Record, error) {
	var records []store.Record
	for _, id := range ids {
		r, err := s.Load(ctx, id)
		if err == store.ErrNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		time.AfterFunc(time.Until(r.Expires), func() { s.tell(id) })
		records = append(records, r)
	}
	return records, ctx.Err()
}

func (s *followMap) Follow(ctx context.Context, changed func(store.ID)) error {
	s.followers.Store(&changed, nil)
	defer s.followers.Delete(&changed)
	changed(store.ID{})
	<-ctx.Done()
	return ctx.Err()
}

func (s *followMap) tell(id store.ID) {
	s.followers.Range(func(f, _ any) bool { (*f.(*func(store.ID)))(id); return true })
}

func (s *followMap) Save(ctx context.Context, rec store.Record, old uint64) error {
	defer s.tell(rec.ID)
	return s.mapStore.Save(ctx, rec, old)
}

func (s *followMap) Delete(ctx context.Context, id store.ID) error {
	defer s.tell(id)
	return s.mapStore.Delete(ctx, id)
}

func TestFollowMap(t *testing.T) {
	Run(t, func(*testing.T) store.Store { return newFollowMap() })
}

// What follows breaks one of the rules each.

type followsNoDelete struct{ *followMap }

func (s followsNoDelete) Delete(ctx context.Context, id store.ID) error {
	return s.mapStore.Delete(ctx, id)
}

type followsNoSave struct{ *followMap }

func (s followsNoSave) Save(ctx context.Context, rec store.Record, old uint64) error {
	return s.mapStore.Save(ctx, rec, old)
}

type loadsAllExpired struct{ *followMap }

func (s loadsAllExpired) LoadAll(ctx context.Context, ids []store.ID) ([]store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var records []store.Record
	for _, id := range ids {
		if r, ok := s.records[id]; ok {
			records = append(records, r)
		}
	}
	return records, nil
}

func init() { toldWithin = time.Second }
