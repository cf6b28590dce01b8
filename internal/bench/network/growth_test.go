package network

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/bench/load"
)

// growthStores are what is measured, in the order of the lines in the plots.
var growthStores = []string{"memory", "sqlite", "postgres", "redis"}

// A growth is how far each quantity is taken, and how long each point is
// measured.
type growth struct {
	live     []int // sessions
	sizes    []int // bytes of a session
	sized    int   // sessions of each size
	subjects []int // sessions of one subject
	shared   int   // sessions of subjects of each kind, at least
	servers  []int // processes on one store
	rounds   int
	each     time.Duration
	clients  int
	ballast  bool
}

// BenchmarkGrowth measures how the cost of a request grows: make bench-growth.
// SESSION_BENCH_LIVE is the most sessions, in memory alone beyond a million.
func BenchmarkGrowth(b *testing.B) {
	g := growth{
		live:     []int{1_000, 10_000, 100_000, 1_000_000},
		sizes:    []int{100, 1 << 10, 8 << 10, 64 << 10},
		sized:    2000,
		subjects: []int{1, 10, 100, 1000},
		shared:   10_000,
		servers:  []int{1, 2, 4},
		rounds:   setting(b, "ROUNDS", 3),
		each:     time.Duration(setting(b, "MILLISECONDS", 1000)) * time.Millisecond,
		clients:  64,
		ballast:  true,
	}
	most := setting(b, "LIVE", 1_000_000)
	if most > 1_000_000 {
		g.live = append(g.live, most)
	}
	for i, n := range g.live {
		if n > most {
			g.live = g.live[:i]
			break
		}
	}
	out := newTable(b, "growth")
	for _, store := range growthStores {
		b.Run(store, func(b *testing.B) { g.measure(b, store, out) })
	}
}

// TestGrowth holds that what is measured works, on every store.
func TestGrowth(t *testing.T) {
	g := growth{
		live: []int{10, 20}, sizes: []int{64 << 10}, sized: 4, subjects: []int{10}, shared: 10,
		servers: []int{1, 2}, rounds: 1, each: 30 * time.Millisecond, clients: 2,
	}
	for _, store := range growthStores {
		t.Run(store, func(t *testing.T) { g.measure(t, store, newTable(t, "")) })
	}
}

// growthConfig allows for the largest session, and has none of the measured
// requests write down that the session was used: some of the sessions are
// minutes old when all have been made. What that costs is measured as touch.
var growthConfig = config{MaxSize: 128 << 10, TouchInterval: 30 * time.Minute}

func (g growth) measure(tb testing.TB, store string, out *table) {
	t := growthTarget(tb, store)
	start := func() *server {
		return startServer(tb, serverSpec{Contestant: "session", URL: t.url, Sessions: growthConfig, Ballast: g.ballast})
	}
	p := point{g: g, tb: tb, store: store, out: out}

	// What is large last: after a million sessions the caches of a database are
	// full of those.
	p.bySize(start)
	p.bySubject(start)
	if store != "memory" { // which belongs to one process
		p.byServers(start)
	}
	p.byLive(start)
}

func (p point) bySize(start func() *server) {
	for _, size := range p.g.sizes {
		s := start()
		spec := fill(p.tb, s, population{tag: fmt.Sprint("size", size), to: p.g.sized, size: size, each: 1})
		for _, c := range cases {
			p.run("size", size, c, spec)
		}
		s.stop()
	}
}

func (p point) bySubject(start func() *server) {
	for _, each := range p.g.subjects {
		s := start()
		spec := fill(p.tb, s, population{
			tag: fmt.Sprint("subject", each), to: max(each, p.g.shared), size: smallSize, each: each,
		})
		for _, c := range []string{"list", "touch", "login", "login-limited"} {
			p.run("subject", each, c, spec)
		}
		s.stop()
	}
}

func (p point) byServers(start func() *server) {
	var spec load.Spec
	for i := range p.g.servers[len(p.g.servers)-1] {
		s := start()
		defer s.stop()
		if i == 0 {
			spec = fill(p.tb, s, population{tag: "servers", to: p.g.sized, size: smallSize, each: 1})
			spec.Addrs = nil
		}
		spec.Addrs = append(spec.Addrs, s.addr)
		if slices.Contains(p.g.servers, i+1) {
			for _, c := range cases {
				p.run("processes", i+1, c, spec)
			}
		}
	}
}

func (p point) byLive(start func() *server) {
	s := start()
	defer s.stop()
	made := 0
	for _, n := range p.g.live {
		if n > 1_000_000 && p.store != "memory" {
			continue
		}
		spec := fill(p.tb, s, population{tag: "live", from: made, to: n, size: smallSize, each: 1})
		made = n
		for _, c := range cases {
			p.run("live", n, c, spec)
		}
	}
}

// growthTarget is a store whose commits do not wait for the disk, where that can
// be had: it is to be seen how the work grows, and a million sessions are to be
// made in time.
func growthTarget(tb testing.TB, store string) target {
	switch store {
	case "sqlite":
		return targets["sqlite-normal"](tb)
	case "postgres":
		t := targets[store](tb)
		t.url += "&synchronous_commit=off"
		return t
	}
	return targets[store](tb)
}

// smallSize is the size of a session of the three values, about.
const smallSize = 100

// A population is sessions to be made: those numbered from to to, of some size,
// and each of them to a subject.
type population struct {
	tag        string
	from, to   int
	size, each int
}

// fill has a server make a population, and returns what asks for its sessions.
func fill(tb testing.TB, s *server, p population) load.Spec {
	tb.Helper()
	q := url.Values{"tag": {p.tag}}
	for name, n := range map[string]int{"from": p.from, "to": p.to, "size": p.size, "each": p.each} {
		q.Set(name, strconv.Itoa(n))
	}
	token := get(tb, s, "/fill?"+q.Encode())
	return load.Spec{Addrs: []string{s.addr}, Template: token, Tag: p.tag, Sessions: p.to}
}

// A point is where on an axis the requests are measured.
type point struct {
	g     growth
	tb    testing.TB
	store string
	out   *table
}

func (p point) run(axis string, at int, path string, spec load.Spec) {
	p.tb.Helper()
	spec.Path, spec.CookieName = "/"+path, cookieName
	spec.Clients, spec.Duration = p.g.clients, p.g.each
	for round := range p.g.rounds {
		// A sign-in replaces the token: other sessions in each round.
		switch path {
		case "login":
			spec.Follow, spec.Skip = true, 2*round
		case "login-limited":
			spec.Follow, spec.Skip = true, 2*round+1
		}
		r := sendLoad(p.tb, spec)
		p.out.add(p.tb, "axis", axis, "at", strconv.Itoa(at), "store", p.store, "case", path,
			"round", strconv.Itoa(round), "per_second", fmt.Sprintf("%.0f", r.PerSecond()),
			"p50_us", micros(r.P50), "p99_us", micros(r.P99), "max_us", micros(r.Max))
	}
}
