package bench

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// scales is how many sessions a store is measured with. The large ones take
// minutes and, for scs, some GB of memory.
func scales(few int, many ...int) []int {
	if os.Getenv("SESSION_BENCH_LARGE") == "" {
		many = nil
	}
	return append([]int{few}, many...)
}

// BenchmarkScaleMemory makes so many small sessions by requests, one for each
// user who signs in, and tells the bytes of the heap that each takes, whatever
// indexes there are included, and the CPU time of a garbage collection with
// all of them live.
func BenchmarkScaleMemory(b *testing.B) {
	for _, c := range []struct {
		name string
		open func(testing.TB) (http.Handler, func(user int), func())
		many []int
	}{
		{"session", openSignIn, []int{5_000_000, 10_000_000}},
		{"scs", openSignInSCS, []int{5_000_000}},
	} {
		for _, n := range scales(1_000_000, c.many...) {
			b.Run(fmt.Sprintf("lib=%s/sessions=%d", c.name, n), func(b *testing.B) {
				for b.Loop() {
					before, base := heap(), gcCPU()
					h, as, end := c.open(b)
					visitor := newClient("")
					for i := range n {
						as(1_000_000 + i)
						if !visitor.do(h) {
							b.Fatal("not set")
						}
					}
					b.ReportMetric((heap()-before)/float64(n), "B/session")
					b.ReportMetric(float64((gcCPU()-base).Microseconds())/1000, "GC-ms")
					if !newClient(visitor.cookie(b)).do(h) {
						b.Fatal("the last session cannot be used")
					}
					end()
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// openSignIn returns a handler that signs in the user last given to the second
// result, and sets the small content.
func openSignIn(tb testing.TB) (http.Handler, func(int), func()) {
	m, err := session.NewManager(memstore.New(), session.Config{GCInterval: -1})
	if err != nil {
		tb.Fatal(err)
	}
	var id int
	h := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		ok := s.Login(strconv.Itoa(id)) == nil &&
			user.Set(s, int64(id)) == nil &&
			nonce.Set(s, wantNonce) == nil &&
			since.Set(s, wantSince) == nil
		respond(w, ok)
	}))
	return withoutUserAgent(h), func(user int) { id = user }, func() { m.Close() }
}

func openSignInSCS(tb testing.TB) (http.Handler, func(int), func()) {
	m := openSCS(tb).(*scsLibrary).m
	var id int
	h := m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.Put(r.Context(), keyUser, int64(id))
		m.Put(r.Context(), keyNonce, wantNonce)
		m.Put(r.Context(), keySince, wantSince)
		respond(w, true)
	}))
	return h, func(user int) { id = user }, func() {}
}

// withoutUserAgent drops the header, which a sign-in would keep: content that
// the others do not have.
func withoutUserAgent(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("User-Agent")
		h.ServeHTTP(w, r)
	})
}

// gcCPU returns the CPU time of a garbage collection: the least of three, since
// others use the machine too.
func gcCPU() time.Duration {
	least := time.Hour
	for range 3 {
		before := processCPU()
		runtime.GC()
		least = min(least, processCPU()-before)
	}
	return least
}

func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkScalePause tells the longest Load or Save on live sessions while so
// many expired ones are collected, in a quiet run as long before that, and
// after, and for how long the machine stops a loop that does nothing.
func BenchmarkScalePause(b *testing.B) {
	for _, n := range scales(1_000_000, 5_000_000) {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			for b.Loop() {
				pause(b, n)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func pause(b *testing.B, n int) {
	ctx, s := b.Context(), memstore.New()
	defer s.Close()
	now := time.Now().UTC().Truncate(time.Millisecond)
	fill := func(n int, expires time.Time) []store.Record {
		records := make([]store.Record, 0, min(n, 1<<14))
		r := store.Record{Created: now, Seen: now, Deadline: now.Add(24 * time.Hour), Expires: expires, Data: make([]byte, 117)}
		for i := range n {
			rand.Read(r.ID[:])
			r.Version, r.Subject = uint64(i), "__Host-id:"+strconv.Itoa(1_000_000+i)
			if err := s.Create(ctx, r); err != nil {
				b.Fatal(err)
			}
			if i < cap(records) {
				records = append(records, r)
			}
		}
		return records
	}
	live := fill(1<<14, now.Add(time.Hour))
	fill(n, now.Add(-10*time.Minute))
	runtime.GC()

	var next uint64
	longest := func(until func(ops int) bool) (longest time.Duration) {
		var pick [8]byte
		for ops := 0; !until(ops); ops++ {
			rand.Read(pick[:])
			r := &live[binary.LittleEndian.Uint64(pick[:])%uint64(len(live))]
			start := time.Now()
			if ops%2 == 0 {
				got, err := s.Load(ctx, r.ID)
				if err != nil || got.Version != r.Version {
					b.Fatal(err)
				}
			} else {
				old := r.Version
				next++
				r.Version = next
				if err := s.Save(ctx, *r, old); err != nil {
					b.Fatal(err)
				}
			}
			longest = max(longest, time.Since(start))
		}
		return longest
	}
	lasting := func(d time.Duration) func(int) bool {
		start := time.Now()
		return func(ops int) bool { return ops%16 == 0 && time.Since(start) > d }
	}

	done := make(chan time.Duration)
	guess := time.Duration(n) * time.Microsecond
	before := longest(lasting(guess))
	go func() {
		start := time.Now()
		if got, err := s.GC(ctx); got != n || err != nil {
			b.Errorf("GC removed %d: %v", got, err)
		}
		done <- time.Since(start)
	}()
	var took time.Duration
	during := longest(func(int) bool {
		select {
		case took = <-done:
			return true
		default:
			return false
		}
	})
	after := longest(lasting(took))
	us := func(d time.Duration) float64 { return float64(d.Microseconds()) }
	b.ReportMetric(us(max(before, after)), "quiet-max-µs")
	b.ReportMetric(us(during), "collecting-max-µs")
	b.ReportMetric(us(longestGap(took)), "nothing-max-µs")
	b.ReportMetric(us(took)/1e6, "collecting-s")
}

// longestGap is the longest time between two looks at the clock of a loop that
// does nothing else for d.
func longestGap(d time.Duration) (longest time.Duration) {
	for start, last := time.Now(), time.Now(); last.Sub(start) < d; {
		now := time.Now()
		longest, last = max(longest, now.Sub(last)), now
	}
	return longest
}
