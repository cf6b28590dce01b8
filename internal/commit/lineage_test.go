package commit

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

func testVersion(instance, count uint32) uint64 { return uint64(instance)<<32 | uint64(count) }

// follow writes over d as the manager of an instance does.
func follow(d change.Draft, version uint64) change.Draft {
	d.ChangeMeta().Lineage = lineageOf(&d, instanceOf(version))
	d.Rec.Version = version
	return d
}

func TestLineageHasTheLastVersionOfEachManager(t *testing.T) {
	d := change.Draft{Rec: change.Record{Version: testVersion(1, 1)}}
	for _, v := range []uint64{testVersion(1, 2), testVersion(2, 1), testVersion(3, 1), testVersion(2, 2), testVersion(2, 3), testVersion(1, 3)} {
		d = follow(d, v)
	}
	got := slices.Collect(versions(d.Meta().Lineage))
	if want := []uint64{testVersion(3, 1), testVersion(2, 3)}; !slices.Equal(got, want) {
		t.Errorf("the lineage is %x, want %x", got, want)
	}
}

func TestLineageIsBounded(t *testing.T) {
	d := change.Draft{Rec: change.Record{Version: testVersion(1, 1)}}
	for i := range uint32(3 * maxLineage) {
		d = follow(d, testVersion(i+2, 1))
	}
	if got := len(d.Meta().Lineage) / 8; got != maxLineage {
		t.Errorf("%d versions are kept, want %d", got, maxLineage)
	}
}

func TestARecordHoldsTheWritesOfACommit(t *testing.T) {
	h := sid.Hash{1}
	rec := func(version uint64, before ...uint64) store.Record {
		var d change.Draft
		d.ChangeMeta().Secret = h
		for _, v := range before {
			d.Rec.Version = v
			d.ChangeMeta().Lineage = lineageOf(&d, 0)
		}
		return store.Record{Version: version, Data: d.Encode(d.Meta())}
	}
	for _, test := range []struct {
		name  string
		rec   store.Record
		first uint64
		holds bool
	}{
		{"it is the record", rec(testVersion(1, 5)), testVersion(1, 5), true},
		{"another manager followed", rec(testVersion(2, 1), testVersion(1, 5)), testVersion(1, 5), true},
		{"many others followed", rec(testVersion(3, 1), testVersion(1, 5), testVersion(2, 1), testVersion(4, 1)), testVersion(1, 5), true},
		{"only others wrote", rec(testVersion(2, 1), testVersion(3, 1)), testVersion(1, 5), false},
		{"the manager's write before is the last", rec(testVersion(2, 1), testVersion(1, 4)), testVersion(1, 5), false},
		{"a later write of the same commit", rec(testVersion(2, 1), testVersion(1, 6)), testVersion(1, 5), true},
		{"the count has wrapped around", rec(testVersion(1, 1<<32-1)), testVersion(1, 1), false},
		{"the count is high, and only others wrote", rec(testVersion(2, 1)), testVersion(1, 1<<31+5), false},
		{"it has, within the commit", rec(testVersion(1, 1)), testVersion(1, 1<<32-1), true},
	} {
		if got := holds(test.rec, test.first); got != test.holds {
			t.Errorf("%s: %v, want %v", test.name, got, test.holds)
		}
	}
}

func TestVersionsAreOfTheirEngineAndNeverTwice(t *testing.T) {
	a := New(nil, nil)
	seen := map[uint64]bool{}
	for range 1000 {
		v := a.NewVersion()
		if seen[v] || instanceOf(v) != a.instance || v == 0 {
			t.Fatalf("version %x of instance %x", v, a.instance)
		}
		seen[v] = true
	}
	a.writes.Store(math.MaxUint32)
	if v := a.NewVersion(); uint32(v) == 0 || seen[v] && uint32(v) != 1 {
		t.Errorf("after the last count comes version %x", v)
	}
}

// A lane is there for as long as somebody is in it, or waits for it.
func TestNoLaneIsLeft(t *testing.T) {
	var l lanes
	id := store.ID{1}
	ln, err := l.enter(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	ln.latest = store.Record{ID: id, Data: make([]byte, 100)}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.enter(gone, id); err != context.Canceled {
		t.Errorf("a wait for a turn: %v", err)
	}
	l.leave(id, ln)
	if len(l.byID) != 0 || len(l.spares) != 1 || l.spares[0].latest.Data != nil {
		t.Errorf("%d lanes and %d spares are left, the first with %v", len(l.byID), len(l.spares), l.spares[0].latest)
	}
	for i := range byte(2 * maxSpareLanes) {
		if _, err := l.enter(t.Context(), store.ID{i}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range byte(2 * maxSpareLanes) {
		l.leave(store.ID{i}, l.byID[store.ID{i}])
	}
	if len(l.spares) != maxSpareLanes {
		t.Errorf("%d spares are kept, want %d", len(l.spares), maxSpareLanes)
	}
}
