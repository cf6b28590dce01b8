package memstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// small returns a record as a manager makes it of a user's small session.
func small(n uint64, subject string) store.Record {
	r := store.Record{
		Version: n, Subject: subject, Created: now(), Seen: now(),
		Expires: now().Add(time.Hour), Deadline: now().Add(24 * time.Hour), Data: make([]byte, 117),
	}
	binary.LittleEndian.PutUint64(r.ID[:], n)
	binary.LittleEndian.PutUint64(r.Data, n)
	return r
}

// TestMemoryComesBack holds what a session takes, and that it is given back.
func TestMemoryComesBack(t *testing.T) {
	const n = 200_000
	ctx := t.Context()
	start := heap()
	s := New()
	r := small(0, "")
	for i := range uint64(n) {
		binary.LittleEndian.PutUint64(r.ID[:], i)
		r.Subject = subjectOf(i)
		if err := s.Create(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	full := heap() - start
	if each := full / n; each > 180 {
		t.Errorf("a session takes %d bytes", each)
	}
	if used := s.limit.used.Load(); used < full*49/50 || used > full*51/50 {
		t.Errorf("%d bytes are counted as used where the heap grew by %d", used, full)
	}
	for i := range uint64(n) {
		if i%1000 != 0 {
			binary.LittleEndian.PutUint64(r.ID[:], i)
			if err := s.Delete(ctx, r.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left := heap() - start; left > full/20 {
		t.Errorf("with a thousandth of the sessions, %d bytes of %d are left", left, full)
	}
	checkInvariants(t, s)
	for i := uint64(0); i < n; i += 1000 {
		binary.LittleEndian.PutUint64(r.ID[:], i)
		if err := s.Delete(ctx, r.ID); err != nil {
			t.Fatal(err)
		}
	}
	if left := heap() - start; left > full/50 {
		t.Errorf("without a session, %d bytes of %d are left", left, full)
	}
	checkInvariants(t, s)
}

// subjectOf returns "__Host-id:" and seven digits.
func subjectOf(n uint64) string {
	b := []byte("__Host-id:1000000")
	for i := len(b) - 1; n > 0; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return string(b)
}

// heap returns the bytes that are alive.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestOneSessionWritten holds that a session which is written all the time takes
// no more memory for it, alone or beside others.
func TestOneSessionWritten(t *testing.T) {
	for _, others := range []uint64{0, 10_000} {
		ctx, s := t.Context(), New()
		for i := range others {
			if err := s.Create(ctx, small(i+1, subjectOf(i))); err != nil {
				t.Fatal(err)
			}
		}
		r := small(0, "ada")
		if err := s.Create(ctx, r); err != nil {
			t.Fatal(err)
		}
		most := s.limit.used.Load() + 4*maxChunk
		for range 100_000 {
			old := r.Version
			r.Version++
			if err := s.Save(ctx, r, old); err != nil {
				t.Fatal(err)
			}
			if used := s.limit.used.Load(); used > most {
				t.Fatalf("%d bytes are used, want %d at most", used, most)
			}
		}
		checkInvariants(t, s)
	}
}

// TestSubjectOfMany has one user sign in very often: no chain has to be
// searched for any of those sessions.
func TestSubjectOfMany(t *testing.T) {
	const n = 20_000
	ctx, s := t.Context(), New()
	for i := range uint64(n) {
		if err := s.Create(ctx, small(i, "ada")); err != nil {
			t.Fatal(err)
		}
	}
	search := 0
	for i := range s.shards {
		sh := &s.shards[i]
		for b := range sh.subjects.buckets {
			steps := 0
			for at := sh.subjects.slot(b).get(); at != 0 && !sh.log.at(at).is(crowded); at = sh.log.at(at).link(subjectLink) {
				steps++
			}
			search = max(search, steps)
		}
	}
	if search > crowd {
		t.Errorf("%d records of a chain have no link back", search)
	}
	left := map[store.ID]bool{}
	for i := range uint64(n) {
		r := small(i, "ada")
		if i%3 > 0 {
			r.Version++
			if i%3 == 1 {
				r.Subject = "grace"
			}
			if err := s.Save(ctx, r, i); err != nil {
				t.Fatal(err)
			}
		}
		if i%5 == 0 {
			if err := s.Delete(ctx, r.ID); err != nil {
				t.Fatal(err)
			}
		} else if r.Subject == "ada" {
			left[r.ID] = true
		}
	}
	checkInvariants(t, s)
	records, err := collect(s.List(ctx, "ada"))
	if len(records) != len(left) || err != nil {
		t.Errorf("List returns %d records (error %v), want %d", len(records), err, len(left))
	}
	for _, r := range records {
		if !left[r.ID] {
			t.Errorf("List returns %v, which it must not", r.ID)
		}
	}
}

// TestCrowdsMove has chains of a few large subjects divided and joined, as the
// table grows and shrinks.
func TestCrowdsMove(t *testing.T) {
	ctx, s := t.Context(), New()
	random := rand.New(rand.NewPCG(1, 5))
	var there []uint64
	for i := range uint64(24_000) {
		if most := 1 + random.IntN(3000); i%8000 < 4000 && len(there) < 3000 || len(there) < most/8 {
			if err := s.Create(ctx, small(i<<8, string('a'+rune(random.IntN(8))))); err != nil { // one shard
				t.Fatal(err)
			}
			there = append(there, i)
			continue
		}
		pick := random.IntN(len(there))
		if i%2 == 0 {
			pick = 0 // the oldest, which have no link back
		}
		if err := s.Delete(ctx, small(there[pick]<<8, "").ID); err != nil {
			t.Fatal(err)
		}
		there = append(there[:pick], there[pick+1:]...)
		if i%200 == 0 {
			checkInvariants(t, s)
		}
	}
	checkInvariants(t, s)
}

// TestDataStays has readers hold what they loaded while records are rewritten,
// deleted and copied about: it never changes.
func TestDataStays(t *testing.T) {
	const records, rounds = 400, 30
	ctx, s := t.Context(), New()
	fill := func(r *store.Record) {
		binary.LittleEndian.PutUint64(r.Data, r.Version)
		copy(r.Data[8:], bytes.Repeat(r.Data[:8], len(r.Data)/8))
	}
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	for w := range uint64(4) {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(w, 2))
			mine := make([]store.Record, records)
			for i := range mine {
				mine[i] = small(w<<8|uint64(i)<<16, "ada")
				fill(&mine[i])
				if err := s.Create(ctx, mine[i]); err != nil {
					t.Error(err)
				}
			}
			for range rounds * records {
				r := &mine[random.IntN(records)]
				old := r.Version
				r.Version++
				r.Data = make([]byte, 8+8*random.IntN(64))
				fill(r)
				err := s.Save(ctx, *r, old)
				if random.IntN(4) == 0 {
					err = errors.Join(err, s.Delete(ctx, r.ID), s.Create(ctx, *r))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for w := range uint64(2) {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(w, 3))
			var kept [256][]byte
			check := func(data []byte) {
				if len(data) > 0 && !bytes.Equal(data[8:], bytes.Repeat(data[:8], len(data)/8-1)) {
					if !bytes.Equal(data[:len(data)-len(data)%8], bytes.Repeat(data[:8], len(data)/8)) {
						t.Error("data that was loaded has changed")
					}
				}
			}
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				got, err := s.Load(ctx, small(uint64(random.IntN(4))<<8|uint64(random.IntN(records))<<16, "").ID)
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Error(err)
				}
				check(kept[i%len(kept)])
				kept[i%len(kept)] = got.Data
				check(got.Data)
				if i%64 == 0 {
					if _, err := s.GC(ctx); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	checkInvariants(t, s)
}

// TestStress has several goroutines do everything to the same few records.
func TestStress(t *testing.T) {
	ctx, s := t.Context(), NewLimited(MinLimit)
	var all sync.WaitGroup
	for w := range uint64(6) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(w, 4))
			for range 10_000 {
				r := small(random.Uint64N(64), []string{"", "ada", "r:ada", "r:grace"}[random.IntN(4)])
				r.Data = make([]byte, random.IntN(6000))
				if random.IntN(4) == 0 {
					r.Expires = now().Add(-time.Hour)
				}
				got, err := s.Load(ctx, r.ID)
				r.Version = got.Version + 1
				switch random.IntN(8) {
				case 0, 1:
					err = s.Create(ctx, r)
				case 2, 3, 4:
					err = s.Save(ctx, r, got.Version)
				case 5:
					err = s.Touch(ctx, r.ID, got.Version, r.Seen, r.Expires)
				case 6:
					if _, err = collect(s.List(ctx, r.Subject)); random.IntN(8) == 0 {
						_, err = collect(s.DeleteSubject(ctx, r.Subject, r.ID))
					}
				case 7:
					if err = s.Delete(ctx, r.ID); random.IntN(8) == 0 {
						_, err = s.GC(ctx)
					}
				}
				for _, answer := range []error{store.ErrNotFound, store.ErrExists, store.ErrConflict, ErrFull} {
					if errors.Is(err, answer) {
						err = nil
					}
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	checkInvariants(t, s)
}
