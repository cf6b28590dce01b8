package storetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/b4468f51/session/store"
)

// brokenStores each break the contract in one way.
var brokenStores = []struct {
	name   string
	open   func() store.Store
	breaks []string // rules; "Rule?" where luck decides, "..." where any other may fail too
}{
	{"create overwrites", func() store.Store { return createOverwrites{newMapStore()} }, []string{"CreateExists", "CreateOnce", "ContextEnds?"}},
	{"create says nothing of a collision", func() store.Store { return createSilent{newMapStore()} }, []string{"CreateExists", "CreateOnce", "ContextEnds", "GCBeside?"}},
	{"create waits for the collection", func() store.Store { return createRefusesExpired{newMapStore()} }, []string{"CreateExpired", "GCBeside?"}},
	{"load of nothing is no error", func() store.Store { return loadsNothing{newMapStore()} }, []string{"LoadUnknown", "..."}},
	{"save upserts what is gone", func() store.Store { return saveUpserts{newMapStore()} }, []string{"SaveGone", "DeleteFinal", "DeleteSubjectMoved?", "DeleteSubjectFinal?"}},
	{"save revives what expired", func() store.Store { return saveRevives{newMapStore()} }, []string{"SaveExpired"}},
	{"save ignores the version", func() store.Store { return saveIgnoresVersion{newMapStore()} }, []string{"Versions", "SaveConflict", "SaveLinear", "ListMoves"}},
	{"save is not atomic", func() store.Store { return saveNotAtomic{newMapStore()} }, []string{"SaveLinear"}},
	{"save resurrects what is deleted meanwhile", func() store.Store { return saveResurrects{newMapStore()} }, []string{"DeleteFinal", "DeleteSubjectMoved?", "DeleteSubjectFinal?"}},
	{"save is lost now and then", func() store.Store { return &saveLost{mapStore: newMapStore(), saves: map[store.ID]int{}} }, []string{"SaveLinear", "ListSteady"}},
	{"save moves created", func() store.Store { return saveMovesCreated{newMapStore()} }, []string{"Save"}},
	{"save leaves the deadline", func() store.Store { return saveLeavesDeadline{newMapStore()} }, []string{"Save", "..."}},
	{"save moves the times back", func() store.Store { return saveMovesBack{newMapStore()} }, []string{"SaveOlder"}},
	{"save takes an earlier end", func() store.Store { return saveEndsEarlier{newMapStore()} }, []string{"SaveOlder"}},
	{"save of what was seen earlier is refused", func() store.Store { return saveRefusesOlder{newMapStore()} }, []string{"SaveOlder"}},
	{"save writes over the old data", func() store.Store { return saveInPlace{newMapStore()} }, []string{"DataKept"}},
	{"load is cached", func() store.Store {
		return &loadCached{mapStore: newMapStore(), cache: map[store.ID]store.Record{}, loads: map[store.ID]int{}}
	}, []string{"SaveLinear", "DeleteFinal?"}},
	{"touch bumps the version", func() store.Store { return touchBumps{newMapStore()} }, []string{"Touch", "ListSteady", "ExpiryMoves", "GCSpares", "GCBeside"}},
	{"touch ignores the version", func() store.Store { return touchIgnoresVersion{newMapStore()} }, []string{"TouchVersion"}},
	{"touch of another version is an error", func() store.Store { return touchErrs{newMapStore()} }, []string{"TouchVersion", "TouchGone", "TouchExpired", "DeleteFinal?", "DeleteSubjectFinal?"}},
	{"touch extends what expired", func() store.Store { return touchRevives{newMapStore()} }, []string{"TouchExpired"}},
	{"touch upserts", func() store.Store { return touchUpserts{newMapStore()} }, []string{"TouchGone", "TouchExpired", "DeleteFinal?"}},
	{"touch by record ignores the version", func() store.Store { return touchRecordIgnoresVersion{newMapStore()} }, []string{"TouchRecord"}},
	{"touch moves the times back", func() store.Store { return touchMovesBack{newMapStore()} }, []string{"TouchOlder"}},
	{"touch never shortens", func() store.Store { return touchExtends{newMapStore()} }, []string{"Touch", "ExpiryMoves", "GC", "GCBeside", "GCContext"}},
	{"delete of nothing is an error", func() store.Store { return deleteErrs{newMapStore()} }, []string{"DeleteNothing"}},
	{"delete does nothing", func() store.Store { return deleteForgets{newMapStore()} }, []string{"Delete", "DeleteFinal", "SaveGone", "TouchGone", "ListMoves", "ListBatches"}},
	{"load returns what expired", func() store.Store { return loadsExpired{newMapStore()} }, []string{"ExpiryLoad", "ExpiryMoves"}},
	{"expiry is late", func() store.Store { return expiryLate{newMapStore()} }, []string{"ExpiryLoad", "ExpiryMoves"}},
	{"list returns what expired", func() store.Store { return listsExpired{newMapStore()} }, []string{"ExpiryList"}},
	{"list folds case", func() store.Store { return listFolds{newMapStore()} }, []string{"ListBytes"}},
	{"list trims spaces", func() store.Store { return listTrims{newMapStore()} }, []string{"ListBytes"}},
	{"list of the empty subject lists", func() store.Store { return listsEmpty{newMapStore()} }, []string{"List", "ListMoves"}},
	{"the index does not follow the subject", func() store.Store { return &indexStays{mapStore: newMapStore(), index: map[store.ID]string{}} }, []string{"ListMoves", "SaveOlder", "ContextEnds", "DeleteSubjectMoved"}},
	{"list misses what is being saved", func() store.Store { return &listUnsteady{mapStore: newMapStore(), saving: map[store.ID]bool{}} }, []string{"ListSteady"}},
	{"list loads all at once", func() store.Store { return listsAtOnce{newMapStore()} }, []string{"ListBatches", "ListStops"}},
	{"list goes on when its context has ended", func() store.Store { return listsOn{newMapStore()} }, []string{"ListStops"}},
	{"list does not say that its context has ended", func() store.Store { return listsSilently{newMapStore()} }, []string{"ListStops"}},
	{"delete by subject folds case", func() store.Store { return deletesFolded{newMapStore()} }, []string{"DeleteSubject"}},
	{"delete by subject spares nobody", func() store.Store { return deletesSpared{newMapStore()} }, []string{"DeleteSubject"}},
	{"delete by subject takes the anonymous", func() store.Store { return deletesAnonymous{newMapStore()} }, []string{"DeleteSubject"}},
	{"delete by subject yields what expired", func() store.Store { return deletesExpired{newMapStore()} }, []string{"DeleteSubject"}},
	{"delete by subject does nothing", func() store.Store { return deletesNobody{newMapStore()} }, []string{"DeleteSubject", "DeleteSubjectBatches", "DeleteSubjectMoved", "DeleteSubjectFinal"}},
	{"delete by subject deletes all at once", func() store.Store { return deletesAtOnce{newMapStore()} }, []string{"DeleteSubjectBatches", "DeleteSubjectMoved?"}},
	{"delete by subject deletes when its loop is over", func() store.Store { return deletesLate{newMapStore()} }, []string{"DeleteSubjectBatches", "DeleteSubjectMoved"}},
	{"delete by subject ignores its context", func() store.Store { return deletesOn{newMapStore()} }, []string{"DeleteSubjectBatches", "ContextDone"}},
	{"delete by subject takes what it has found before", func() store.Store { return deletesFound{newMapStore()} }, []string{"DeleteSubjectMoved"}},
	{"delete by subject takes what nobody has saved since", func() store.Store { return deletesUnsaved{newMapStore()} }, []string{"DeleteSubjectFinal", "DeleteSubjectMoved?"}},
	{"load all returns what expired", func() store.Store { return loadsAllExpired{newFollowMap()} }, []string{"LoadAll", "Follow?"}},
	{"a deletion is not told", func() store.Store { return followsNoDelete{newFollowMap()} }, []string{"Follow"}},
	{"a save is not told", func() store.Store { return followsNoSave{newFollowMap()} }, []string{"Follow"}},
	{"create keeps the caller's slice", func() store.Store { return createKeepsSlice{newMapStore()} }, []string{"DataOwn"}},
	{"save keeps the caller's slice", func() store.Store { return saveKeepsSlice{newMapStore()} }, []string{"DataOwn"}},
	{"data ends at NUL", func() store.Store {
		return transform{newMapStore(), func(r *store.Record) { r.Data, _, _ = bytes.Cut(r.Data, []byte{0}) }}
	}, []string{"DataBytes"}},
	{"data is cut at 64 KiB", func() store.Store {
		return transform{newMapStore(), func(r *store.Record) { r.Data = r.Data[:min(len(r.Data), 1<<16)] }}
	}, []string{"DataBytes"}},
	{"data is text", func() store.Store {
		return transform{newMapStore(), func(r *store.Record) { r.Data = bytes.ToValidUTF8(r.Data, []byte("?")) }}
	}, []string{"DataBytes"}},
	{"the version has 63 bits", func() store.Store { return transform{newMapStore(), func(r *store.Record) { r.Version &= 1<<63 - 1 }} }, []string{"Versions"}},
	{"the version has 32 bits", func() store.Store { return transform{newMapStore(), func(r *store.Record) { r.Version &= 1<<32 - 1 }} }, []string{"Versions"}},
	{"the version is a float", func() store.Store {
		return transform{newMapStore(), func(r *store.Record) { r.Version = uint64(float64(r.Version)) }}
	}, []string{"Versions"}},
	{"subjects are trimmed", func() store.Store {
		return transform{newMapStore(), func(r *store.Record) { r.Subject = strings.TrimRight(r.Subject, " ") }}
	}, []string{"CreateLoad", "ListBytes", "DeleteSubject"}},
	{"times are local", func() store.Store {
		return transform{newMapStore(), func(r *store.Record) { r.Deadline = r.Deadline.Local() }}
	}, []string{"CreateLoad", "..."}},
	{"times are whole seconds", func() store.Store {
		return transform{newMapStore(), func(r *store.Record) { r.Created = r.Created.Truncate(time.Second) }}
	}, []string{"CreateLoad", "..."}},
	{"IDs are folded", func() store.Store { return foldsID{newMapStore()} }, []string{"IDs", "CreateExpired?", "GCBeside?"}},
	{"a context that is done is ignored", func() store.Store { return ignoresContext{newMapStore()} }, []string{"ContextDone"}},
	{"a context that is done is not found", func() store.Store { return contextNotFound{newMapStore()} }, []string{"ContextDone"}},
	{"save stops half way", func() store.Store { return saveHalf{newMapStore()} }, []string{"ContextEnds"}},
	{"GC takes live records", func() store.Store { return gcTakes{newMapStore(), func(store.Record) bool { return true }} }, []string{"GCSpares", "GCBeside?"}},
	{"GC does not wait", func() store.Store {
		return gcTakes{newMapStore(), func(r store.Record) bool { return time.Now().After(r.Expires) }}
	}, []string{"GCSpares"}},
	{"GC forgets some", func() store.Store { return gcForgets{newMapStore()} }, []string{"GC", "GCBeside", "GCContext?"}},
	{"GC does not count", func() store.Store { return gcUncounted{newMapStore()} }, []string{"GC", "GCBeside", "GCContext"}},
	{"GC counts before it deletes", func() store.Store { return gcCountsEarly{newMapStore()} }, []string{"GCBeside"}},
	{"GC ignores its context", func() store.Store { return gcIgnoresContext{newMapStore()} }, []string{"GCContext"}},
	{"ping fails", func() store.Store { return pingFails{newMapStore()} }, []string{"Ping"}},
	{"shared looks for records", func() store.Store { return sharedOnceUsed{newMapStore()} }, []string{"Shared"}},
	{"a closed store panics", func() store.Store { return &closedPanics{mapStore: newMapStore()} }, []string{"Close"}},
}

type sharedOnceUsed struct{ *mapStore }

func (s sharedOnceUsed) Shared() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.records) > 0
}

type createOverwrites struct{ *mapStore }

func (s createOverwrites) Create(ctx context.Context, rec store.Record) error {
	if ctx.Err() == nil {
		s.Delete(ctx, rec.ID)
	}
	return s.mapStore.Create(ctx, rec)
}

type createRefusesExpired struct{ *mapStore }

func (s createRefusesExpired) Create(ctx context.Context, rec store.Record) error {
	s.mu.Lock()
	_, taken := s.records[rec.ID]
	s.mu.Unlock()
	if taken && ctx.Err() == nil {
		return store.ErrExists
	}
	return s.mapStore.Create(ctx, rec)
}

type createSilent struct{ *mapStore }

func (s createSilent) Create(ctx context.Context, rec store.Record) error {
	err := s.mapStore.Create(ctx, rec)
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

type loadsNothing struct{ *mapStore }

func (s loadsNothing) Load(ctx context.Context, id store.ID) (store.Record, error) {
	r, err := s.mapStore.Load(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Record{}, nil
	}
	return r, err
}
