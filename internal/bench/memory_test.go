package bench

import (
	"runtime"
	"testing"
)

// BenchmarkMemory tells how much of the heap a small session takes in the
// store, maps and indexes included, with 100,000 of them.
func BenchmarkMemory(b *testing.B) {
	for _, c := range []contestant{limited, ours, scsPure} {
		b.Run("lib="+c.name, func(b *testing.B) {
			const sessions = 100_000
			var bytes, rounds float64
			for b.Loop() {
				before := heap()
				l := c.open(b)
				h, visitor := l.handler(actNewSmall), newClient("")
				for range sessions {
					if !visitor.do(h) {
						b.Fatal("not set")
					}
				}
				bytes += heap() - before
				rounds++
				if !newClient(visitor.cookie(b)).do(l.handler(actRead)) {
					b.Fatal("the last session cannot be read")
				}
				l.close()
			}
			b.ReportMetric(bytes/rounds/sessions, "B/session")
			b.ReportMetric(0, "ns/op") // says nothing: 100,000 requests and two collections
		})
	}
}

// heap returns the bytes that are alive.
func heap() float64 {
	runtime.GC()
	runtime.GC() // what has a finalizer, or is in a pool, takes two
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
