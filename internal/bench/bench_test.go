package bench

import (
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
)

// ballast is memory that stays alive. With a heap of a few MiB, as that of a
// benchmark is, the collector runs all the time, and what is measured is mostly
// how often; a server that has sessions worth measuring has other things in
// memory too. Every page is written to, else there would be none behind it. It
// holds no pointers, so a collection has nothing to look for in it.
//
// As much again is written to and dropped: it is the room for garbage between
// two collections. Else whatever is measured first pays the system for it.
var ballast = func() [][]byte {
	const pieces, size, page = 128, 1 << 20, 4 << 10
	all := make([][]byte, 2*pieces)
	for i := range all {
		all[i] = make([]byte, size)
		for j := 0; j < size; j += page {
			all[i][j] = 1
		}
	}
	return slices.Clone(all[:pieces])
}()

var smallHeap = os.Getenv("SESSION_BENCH_SMALL_HEAP") == "1"

// population is how many sessions a store holds while it is read from.
const population = 1024

// each runs a case for every contestant.
func each(b *testing.B, f func(*testing.B, contestant), all ...contestant) {
	if len(ballast) == 0 && !smallHeap {
		b.Fatal("the ballast is gone")
	}
	for _, c := range all {
		b.Run("lib="+c.name, func(b *testing.B) {
			b.ReportAllocs()
			f(b, c)
		})
	}
}

// populate returns clients, each with a session that a handler made, which
// another handler has read back once: so the case works before it is measured.
func (c contestant) populate(tb testing.TB, l library, n int, make, read act) []*client {
	h, check := l.handler(make), l.handler(read)
	clients := []*client{}
	for range n {
		visitor := newClient("")
		if !visitor.do(h) {
			tb.Fatal("no session was made")
		}
		cookie := visitor.cookie(tb)
		if (cookie == "") != c.stateless {
			tb.Fatalf("the cookie of a new session: %q", cookie)
		}
		cl := newClient(cookie)
		if !cl.do(check) {
			tb.Fatal("what was set is not what was read")
		}
		if got := cl.cookie(tb); (got != "") != c.cookieOnRead {
			tb.Fatalf("the cookie of a read: %q", got)
		}
		clients = append(clients, cl)
	}
	return clients
}

// reading measures requests of one session among many.
func reading(make, check, measure act) func(*testing.B, contestant) {
	return func(b *testing.B, c contestant) {
		l := c.open(b)
		defer l.close()
		cl := c.populate(b, l, population, make, check)[0]
		h := l.handler(measure)
		for b.Loop() {
			if !cl.do(h) {
				b.Fatal("wrong value")
			}
		}
		if got := cl.cookie(b); (got != "") != c.cookieOnRead {
			b.Fatalf("the cookie of a read: %q", got)
		}
	}
}

// BenchmarkRead reads the three values of a small session.
func BenchmarkRead(b *testing.B) {
	each(b, reading(actNewSmall, actRead, actRead), bare, limited, ours, scsPure, gorilla)
}

// BenchmarkReadIdle does so with an idle timeout, which limit and session have
// anyway, and scs does not have by default.
func BenchmarkReadIdle(b *testing.B) {
	each(b, reading(actNewSmall, actRead, actRead), bare, limited, ours, scsIdle)
}

// BenchmarkReadLarge reads one of the 50 values of a large session.
func BenchmarkReadLarge(b *testing.B) {
	each(b, reading(actNewLarge, actReadOne, actReadOne), bare, limited, ours, scsPure)
}

// BenchmarkUntouched has a session, and a handler that does not care.
func BenchmarkUntouched(b *testing.B) {
	each(b, reading(actNewSmall, actRead, actNone), bare, limited, ours, scsPure, gorilla)
}

// BenchmarkAnonymous has no cookie, and a handler that finds nobody signed in.
func BenchmarkAnonymous(b *testing.B) {
	each(b, func(b *testing.B, c contestant) {
		l := c.open(b)
		defer l.close()
		c.populate(b, l, population, actNewSmall, actRead)
		visitor, h := newClient(""), l.handler(actLook)
		for b.Loop() {
			if !visitor.do(h) {
				b.Fatal("somebody is signed in")
			}
		}
		if got := visitor.cookie(b); got != "" {
			b.Fatalf("a cookie was set: %q", got)
		}
	}, bare, limited, ours, scsPure, gorilla)
}

// BenchmarkWrite adds one to a counter in a small session.
func BenchmarkWrite(b *testing.B) {
	each(b, func(b *testing.B, c contestant) {
		l := c.open(b)
		defer l.close()
		cl := c.populate(b, l, population, actNewSmall, actRead)[0]
		h := l.handler(actCount)
		n := 0
		for b.Loop() {
			if !cl.do(h) {
				b.Fatal("not written")
			}
			n++
		}
		if c.inCookie {
			cl, n = newClient(cl.cookie(b)), 1
		}
		cl.do(l.handler(actTotal))
		if got := string(cl.w.body); !c.stateless && got != strconv.Itoa(n) {
			b.Fatalf("%s of %d writes were kept", got, n)
		}
		if !cl.do(l.handler(actRead)) {
			b.Fatal("the other values did not stay")
		}
	}, bare, limited, ours, scsPure, gorilla)
}

// BenchmarkNew makes a small session.
func BenchmarkNew(b *testing.B) {
	each(b, func(b *testing.B, c contestant) {
		// A store that grows as long as the benchmark runs would make the
		// faster contestant pay for more sessions.
		const most = 1 << 15
		l := c.open(b)
		visitor, h := newClient(""), l.handler(actNewSmall)
		n := 0
		for b.Loop() {
			if n++; n%most == 0 {
				b.StopTimer()
				l.close()
				l = c.open(b)
				h = l.handler(actNewSmall)
				b.StartTimer()
			}
			if !visitor.do(h) {
				b.Fatal("not set")
			}
		}
		cookie := visitor.cookie(b)
		if (cookie == "") != c.stateless || !newClient(cookie).do(l.handler(actRead)) {
			b.Fatalf("the cookie %q is not that of the session", cookie)
		}
		l.close()
	}, bare, limited, ours, scsPure, gorilla)
}

// parallel measures reads on all CPUs: each goroutine takes the sessions in
// turn, beginning with another one, or all of them always the first.
func parallel(hot bool) func(*testing.B, contestant) {
	return func(b *testing.B, c contestant) {
		l := c.open(b)
		defer l.close()
		h := l.handler(actRead)
		clients := c.populate(b, l, population, actNewSmall, actRead)
		if hot {
			clients = clients[:1]
		}
		// A client is for one goroutine: each has clients of its own, with the
		// same cookies.
		own := make([][]*client, runtime.GOMAXPROCS(0))
		for i := range own {
			for _, c := range clients {
				cl := newClient("")
				cl.request.Header["Cookie"] = c.request.Header["Cookie"]
				own[i] = append(own[i], cl)
			}
		}
		var goroutines atomic.Int64
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			g := int(goroutines.Add(1)) - 1
			clients := own[g]
			for i := g * population / len(own); pb.Next(); i++ {
				if !clients[i%len(clients)].do(h) {
					b.Error("wrong value")
					return
				}
			}
		})
	}
}

// BenchmarkReadParallel reads many sessions at once.
func BenchmarkReadParallel(b *testing.B) {
	each(b, parallel(false), bare, limited, ours, scsPure)
}

// BenchmarkReadParallelHot reads one session at once.
func BenchmarkReadParallelHot(b *testing.B) {
	each(b, parallel(true), bare, limited, ours, scsPure)
}

// TestContestants holds that every contestant does what it is measured at.
func TestContestants(t *testing.T) {
	for name, c := range map[string]contestant{
		"bare": bare, "limit": limited, "session": ours, "scs": scsPure, "scs, idle": scsIdle, "gorilla": gorilla,
	} {
		t.Run(name, func(t *testing.T) {
			l := c.open(t)
			defer l.close()
			if !c.inCookie {
				c.populate(t, l, 2, actNewLarge, actReadOne)
			}
			cl := c.populate(t, l, 2, actNewSmall, actRead)[0]
			for want := range 3 {
				cl.do(l.handler(actTotal))
				if got := string(cl.w.body); !c.stateless && got != strconv.Itoa(want) {
					t.Errorf("the counter is %s, want %d", got, want)
				}
				if !cl.do(l.handler(actCount)) {
					t.Errorf("status %d", cl.w.status)
				}
				if c.inCookie {
					cl = newClient(cl.cookie(t))
				}
			}
			if !newClient("").do(l.handler(actLook)) {
				t.Error("somebody is signed in without a cookie")
			}
			if !c.stateless && cl.do(l.handler(actLook)) {
				t.Error("nobody is signed in with a cookie")
			}
			forged := newClient(cookieName + "=" + "AAAABBBBCCCCDDDDAAAABBBBCCCCDDDDAAAABBBBCCCCDDDDAAAABBBBCCCCDDDD")
			if !c.stateless && forged.do(l.handler(actRead)) {
				t.Error("a forged token was good")
			}
			if !cl.do(l.handler(actNone)) || cl.w.status != http.StatusOK {
				t.Errorf("untouched: status %d", cl.w.status)
			}
		})
	}
}
