package network

import (
	"fmt"
	"net/url"
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
		live: []int{10, 20}, sizes: []int{100, 64 << 10}, sized: 4, subjects: []int{1, 10}, shared: 10,
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

	// The small ones first: after a million sessions the caches of a database
	// are full of those.
	for _, size := range g.sizes {
		s := start()
		tag := fmt.Sprint("size", size)
		token := fill(tb, s, tag, 0, g.sized, size, 1)
		for _, c := range cases {
			p.run("size", size, c, load.Spec{Addrs: []string{s.addr}, Template: token, Tag: tag, Sessions: g.sized})
		}
	}

	for _, each := range g.subjects {
		s := start()
		tag := fmt.Sprint("subject", each)
		n := max(each, g.shared)
		token := fill(tb, s, tag, 0, n, 100, each)
		for _, c := range []string{"list", "touch", "login", "login-limited"} {
			p.run("subject", each, c, load.Spec{Addrs: []string{s.addr}, Template: token, Tag: tag, Sessions: n})
		}
	}

	if store != "memory" { // which belongs to one process
		var all []*server
		token, tag := "", "servers"
		for _, n := range g.servers {
			var addrs []string
			for len(all) < n {
				all = append(all, start())
			}
			if token == "" {
				token = fill(tb, all[0], tag, 0, g.sized, 100, 1)
			}
			for _, s := range all {
				addrs = append(addrs, s.addr)
			}
			for _, c := range cases {
				p.run("processes", n, c, load.Spec{Addrs: addrs, Template: token, Tag: tag, Sessions: g.sized})
			}
		}
	}

	s := start()
	made, tag := 0, "live"
	for _, n := range g.live {
		if n > 1_000_000 && store != "memory" {
			continue
		}
		token := fill(tb, s, tag, made, n, 100, 1)
		made = n
		for _, c := range cases {
			p.run("live", n, c, load.Spec{Addrs: []string{s.addr}, Template: token, Tag: tag, Sessions: n})
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

// fill has a server make the sessions from to to of a population.
func fill(tb testing.TB, s *server, tag string, from, to, size, each int) (token string) {
	tb.Helper()
	q := url.Values{"tag": {tag}}
	for name, n := range map[string]int{"from": from, "to": to, "size": size, "each": each} {
		q.Set(name, strconv.Itoa(n))
	}
	return get(tb, s, "/fill?"+q.Encode())
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
