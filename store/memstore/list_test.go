package memstore

import (
	"encoding/binary"
	"iter"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

func (m *model) deleteSubject(subject string, spare store.ID) {
	deleted, err := collect(m.s.DeleteSubject(m.t.Context(), subject, spare))
	m.expect("DeleteSubject", err, nil)
	want := 0
	for id, r := range m.records {
		if r.Subject != subject || subject == "" || id == spare {
			continue
		}
		if _, ok := m.live(id); ok {
			want++
			if !slices.Contains(deleted, id) {
				m.t.Errorf("DeleteSubject(%q) did not yield %v", subject, id)
			}
		}
		delete(m.records, id)
	}
	if len(deleted) != want {
		m.t.Errorf("DeleteSubject(%q) yielded %d IDs, want %d", subject, len(deleted), want)
	}
}

// collect returns what a loop yields until it yields an error.
func collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

// crowdedStore returns a store with so many records of one subject, all in few shards.
func crowdedStore(t *testing.T, n int) *Store {
	s := New()
	for i := range n {
		r := store.Record{Version: 1, Subject: "ada", Created: now(), Seen: now(), Expires: now().Add(time.Hour), Deadline: now().Add(time.Hour)}
		binary.BigEndian.PutUint32(r.ID[12:], uint32(i*2654435761)) // in no order
		r.ID[0], r.ID[1] = byte(i%3), 1
		r.Data = r.ID[8:]
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// A chain of many batches is gone through without losing or doubling one, though
// it is another chain each time.
func TestManyRecordsOfOneSubjectAreListedAndDeletedOnce(t *testing.T) {
	const n = 20_000
	s := crowdedStore(t, n)
	listed := map[store.ID]bool{}
	for r, err := range s.List(t.Context(), "ada") {
		if err != nil || listed[r.ID] || r.Data[7] != r.ID[15] {
			t.Fatalf("%v is listed twice, or as another (error %v)", r.ID, err)
		}
		listed[r.ID] = true
		if len(listed)%100 == 0 { // the chain is another
			other := r
			other.Version++
			if err := s.Save(t.Context(), other, r.Version); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(listed) != n {
		t.Errorf("%d records are listed, want %d", len(listed), n)
	}
	var spare store.ID
	for spare = range listed {
		break
	}
	for id, err := range s.DeleteSubject(t.Context(), "ada", spare) {
		if err != nil || !listed[id] {
			t.Fatalf("%v is deleted twice (error %v)", id, err)
		}
		delete(listed, id)
	}
	if len(listed) != 1 || !listed[spare] {
		t.Errorf("%d records are not deleted, want the one that was spared", len(listed))
	}
	checkInvariants(t, s)
}

// What List allocates does not grow with the number of records. To delete them has
// those copied that are left in a chunk, which is about as much as they take.
func TestAListTakesNoMoreMemoryForMoreRecords(t *testing.T) {
	for _, n := range []int{1_000, 10_000} {
		s := crowdedStore(t, n)
		listing := allocated(func() {
			for _, err := range s.List(t.Context(), "ada") {
				if err != nil {
					t.Error(err)
				}
			}
		})
		deleting := allocated(func() {
			for _, err := range s.DeleteSubject(t.Context(), "ada", store.ID{}) {
				if err != nil {
					t.Error(err)
				}
			}
		})
		t.Logf("%d records: List allocates %d bytes, DeleteSubject %d", n, listing, deleting)
		if listing > 128<<10 || deleting > 128<<10+100*uint64(n) {
			t.Errorf("of %d records List allocates %d bytes, DeleteSubject %d", n, listing, deleting)
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
