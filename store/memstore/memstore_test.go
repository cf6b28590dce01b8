package memstore_test

import (
	"encoding/binary"
	"errors"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
	"github.com/b4468f51/session/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s := memstore.New()
		t.Cleanup(func() { s.Close() })
		return s
	})
}

func BenchmarkStore(b *testing.B) {
	storetest.Benchmark(b, func(*testing.B) store.Store { return memstore.New() })
}

// TestLinearizable has porcupine judge what several clients saw of one record.
func TestLinearizable(t *testing.T) {
	h, err := storetest.RecordCAS(t.Context(), memstore.New(), 16, 100)
	if err != nil {
		t.Fatal(err)
	}
	model := porcupine.Model{
		Init: func() any { return h.First },
		Step: func(state, input, _ any) (bool, any) {
			op := input.(storetest.CASOp)
			switch current := state.(uint64); {
			case !op.Swap:
				return op.Version == current, state
			case op.OK:
				return op.Old == current, op.Version
			default:
				return op.Old != current, state
			}
		},
	}
	var ops []porcupine.Operation
	for _, op := range h.Ops {
		ops = append(ops, porcupine.Operation{ClientId: op.Client, Input: op, Call: int64(op.Call), Return: int64(op.Return)})
	}
	if !porcupine.CheckOperations(model, ops) {
		t.Error("the history is not linearizable")
	}
}

// record returns a record that expires in an hour, with an ID made of n.
func record(n uint64, subject string) store.Record {
	now := time.Now().UTC().Truncate(time.Millisecond)
	r := store.Record{
		Version:  n,
		Subject:  subject,
		Created:  now,
		Seen:     now,
		Expires:  now.Add(time.Hour),
		Deadline: now.Add(24 * time.Hour),
		Data:     []byte("data"),
	}
	binary.BigEndian.PutUint64(r.ID[8:], n)
	r.ID[0] = byte(n) // differs, as it does at random
	return r
}

// TestExpiryExact checks the millisecond in which a record expires.
func TestExpiryExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, s := t.Context(), memstore.New()
		r := record(1, "ada")
		if err := s.Create(ctx, r); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(r.Expires) - time.Millisecond)
		if _, err := s.Load(ctx, r.ID); err != nil {
			t.Errorf("Load a millisecond before: %v", err)
		}
		if records, err := collect(s.List(ctx, "ada")); len(records) != 1 || err != nil {
			t.Errorf("List a millisecond before: %d records, %v", len(records), err)
		}
		time.Sleep(time.Millisecond)
		if _, err := s.Load(ctx, r.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Load at the time: error %v, want ErrNotFound", err)
		}
		if records, err := collect(s.List(ctx, "ada")); len(records) != 0 || err != nil {
			t.Errorf("List at the time: %d records, %v", len(records), err)
		}
		// The ID of an expired record is free, and its subject forgotten.
		fresh := record(1, "grace")
		if err := s.Create(ctx, fresh); err != nil {
			t.Errorf("Create over an expired record: %v", err)
		}
		if records, err := collect(s.List(ctx, "ada")); len(records) != 0 || err != nil {
			t.Errorf("List of the expired record's subject: %d records, %v", len(records), err)
		}
	})
}

// TestAllocations holds Load to what its comment says, and the others to less
// than that.
func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		subject string
		load    float64
	}{{"", 0}, {"ada", 1}, {"realm:ada", 1}} {
		ctx, s := t.Context(), memstore.New()
		r := record(1, c.subject)
		if err := s.Create(ctx, r); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := s.Load(ctx, r.ID); err != nil {
				t.Error(err)
			}
		}); n > c.load {
			t.Errorf("subject %q: Load allocates %v times", c.subject, n)
		}
		if n := testing.AllocsPerRun(100, func() { s.Touch(ctx, r.ID, r.Version, r.Seen, r.Expires) }); n != 0 {
			t.Errorf("subject %q: Touch allocates %v times", c.subject, n)
		}
		// But for a chunk now and then, which the average rounds off.
		if n := testing.AllocsPerRun(1000, func() {
			old := r.Version
			r.Version++
			if err := s.Save(ctx, r, old); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("subject %q: Save allocates %v times", c.subject, n)
		}
	}
}

// TestDataHasNoRoom checks that two callers who append to what they loaded do
// not write to the same memory.
func TestDataHasNoRoom(t *testing.T) {
	ctx, s := t.Context(), memstore.New()
	r := record(1, "ada")
	r.Data = make([]byte, 33)
	if err := s.Create(ctx, r); err != nil {
		t.Fatal(err)
	}
	got, err := s.Load(ctx, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if cap(got.Data) != len(got.Data) {
		t.Errorf("the data's capacity is %d, its length %d", cap(got.Data), len(got.Data))
	}
}

// TestMovesBeside has many sessions change between few subjects, end and begin
// while others list and collect: no list names a record of another subject, or
// one twice, and in the end each is listed where it is.
func TestMovesBeside(t *testing.T) {
	ctx, s := t.Context(), memstore.New()
	const sessions, rounds = 32, 200
	subjects := []string{"ada", "grace", "", "linus"}
	last := make([]store.Record, sessions)
	var writers, readers sync.WaitGroup
	for i := range last {
		writers.Go(func() {
			r := record(uint64(i+1), "ada")
			if err := s.Create(ctx, r); err != nil {
				t.Error(err)
			}
			for round := range rounds {
				old := r.Version
				r.Version += sessions
				r.Subject = subjects[(i+round)%len(subjects)]
				if err := s.Save(ctx, r, old); err != nil {
					t.Error(err)
				}
				if round%8 == 7 {
					if err := errors.Join(s.Delete(ctx, r.ID), s.Create(ctx, r)); err != nil {
						t.Error(err)
					}
				}
			}
			last[i] = r
		})
	}
	done := make(chan struct{})
	for _, subject := range subjects {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				listed(t, s, subject)
				if n, err := s.GC(ctx); n != 0 || err != nil {
					t.Errorf("GC removed %d live records (error %v)", n, err)
				}
				runtime.Gosched()
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	for _, subject := range subjects {
		got := listed(t, s, subject)
		for _, r := range last {
			if _, ok := got[r.ID]; ok != (r.Subject == subject && subject != "") {
				t.Errorf("listed under %q: %t; the subject is %q", subject, ok, r.Subject)
			}
		}
	}
}

// listed returns what List does, by ID.
func listed(t *testing.T, s *memstore.Store, subject string) map[store.ID]store.Record {
	records, err := collect(s.List(t.Context(), subject))
	if err != nil {
		t.Error(err)
	}
	byID := map[store.ID]store.Record{}
	for _, r := range records {
		if _, twice := byID[r.ID]; twice || r.Subject != subject {
			t.Errorf("List(%q) returned a record twice, or one of %q", subject, r.Subject)
		}
		byID[r.ID] = r
	}
	return byID
}

func TestClose(t *testing.T) {
	ctx, s := t.Context(), memstore.New()
	r := record(1, "ada")
	if err := s.Create(ctx, r); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	for name, do := range map[string]func() error{
		"Load":   func() error { _, err := s.Load(ctx, r.ID); return err },
		"Create": func() error { return s.Create(ctx, r) },
		"Save":   func() error { return s.Save(ctx, r, r.Version) },
		"Touch":  func() error { return s.Touch(ctx, r.ID, r.Version, r.Seen, r.Expires) },
		"Delete": func() error { return s.Delete(ctx, r.ID) },
		"List":   func() error { _, err := collect(s.List(ctx, "ada")); return err },
		"GC":     func() error { _, err := s.GC(ctx); return err },
		"Ping":   func() error { return s.Ping(ctx) },
	} {
		err := do()
		if err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("%s after Close: error %v, want one that says closed", name, err)
		}
	}
}

// TestNoGoroutines checks in a bubble, which does not end before all of its
// goroutines have, that a store needs no Close.
func TestNoGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		if err := s.Create(t.Context(), record(1, "ada")); err != nil {
			t.Error(err)
		}
		if _, err := s.GC(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestOpen(t *testing.T) {
	first, err := store.Open("memory:")
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.Open("memory:")
	if err != nil {
		t.Fatal(err)
	}
	r := record(1, "ada")
	if err := first.Create(t.Context(), r); err != nil {
		t.Error(err)
	}
	if _, err := second.Load(t.Context(), r.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Load from another store: error %v, want ErrNotFound", err)
	}
	for _, url := range []string{"memory://", "memory:sessions", "memory:?password=hunter2"} {
		_, err := store.Open(url)
		if err == nil {
			t.Errorf("Open(%q) succeeds", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q) repeats the URL: %v", url, err)
		}
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
