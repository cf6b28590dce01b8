package storetest

import (
	"testing"

	"github.com/b4468f51/session/store"
)

// Benchmark measures the operations of a store on records of 512 bytes of data,
// each as a sub-benchmark, for which it calls open. What open needs cleaned up,
// it leaves to b.Cleanup.
func Benchmark(b *testing.B, open func(b *testing.B) store.Store) {
	for _, m := range []struct {
		name string
		run  func(*testing.B, store.Store)
	}{
		{"Load", benchmarkLoad},
		{"LoadParallel", benchmarkLoadParallel},
		{"Create", benchmarkCreate},
		{"Save", benchmarkSave},
		{"SaveParallel", benchmarkSaveParallel},
		{"Touch", benchmarkTouch},
		{"List", benchmarkList},
	} {
		b.Run(m.name, func(b *testing.B) {
			b.ReportAllocs()
			m.run(b, open(b))
		})
	}
}

// benchRecord creates a record to be measured.
func benchRecord(b *testing.B, s store.Store) store.Record {
	b.Helper()
	r, err := create(b.Context(), s, func(r *store.Record) { r.Data = make([]byte, 512) })
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func benchmarkLoad(b *testing.B, s store.Store) {
	ctx, r := b.Context(), benchRecord(b, s)
	for b.Loop() {
		if _, err := s.Load(ctx, r.ID); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkLoadParallel(b *testing.B, s store.Store) {
	ctx := b.Context()
	records := make([]store.Record, 1024)
	for i := range records {
		records[i] = benchRecord(b, s)
	}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := s.Load(ctx, records[i%len(records)].ID); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func benchmarkCreate(b *testing.B, s store.Store) {
	ctx, r := b.Context(), newRecord()
	r.Data = make([]byte, 512)
	for b.Loop() {
		r.ID = newID()
		if err := s.Create(ctx, r); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkSave(b *testing.B, s store.Store) {
	ctx, r := b.Context(), benchRecord(b, s)
	for b.Loop() {
		old := r.Version
		r.Version = newVersion()
		if err := s.Save(ctx, r, old); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkSaveParallel has each goroutine save a record of its own.
func benchmarkSaveParallel(b *testing.B, s store.Store) {
	ctx := b.Context()
	b.RunParallel(func(pb *testing.PB) {
		r := newRecord()
		r.Data = make([]byte, 512)
		if err := s.Create(ctx, r); err != nil {
			b.Error(err)
			return
		}
		for pb.Next() {
			old := r.Version
			r.Version = newVersion()
			if err := s.Save(ctx, r, old); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func benchmarkTouch(b *testing.B, s store.Store) {
	ctx, r := b.Context(), benchRecord(b, s)
	for b.Loop() {
		if err := s.Touch(ctx, r.ID, r.Version, r.Seen, r.Expires); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkList lists a subject of four records among a thousand others.
func benchmarkList(b *testing.B, s store.Store) {
	ctx := b.Context()
	l, err := lister(s)
	if err != nil {
		b.Skip(err)
	}
	for range 1000 {
		benchRecord(b, s)
	}
	subject := newSubject()
	for range 4 {
		if _, err := create(ctx, s, func(r *store.Record) { r.Subject = subject }); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := all(l.List(ctx, subject)); err != nil {
			b.Fatal(err)
		}
	}
}
