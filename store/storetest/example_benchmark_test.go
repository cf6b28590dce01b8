package storetest_test

import (
	"testing"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
	"github.com/b4468f51/session/store/storetest"
)

// The benchmark of a store is one call too.
func ExampleBenchmark() {
	_ = func(b *testing.B) { // func BenchmarkStore
		storetest.Benchmark(b, func(b *testing.B) store.Store {
			s := memstore.New()
			b.Cleanup(func() { s.Close() })
			return s
		})
	}
}
