package network

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/bench/load"
)

// storesPlan is which contestants are measured on which store. All serve at
// once, and take turns with the load: what else the machine does comes over each
// of them alike.
var storesPlan = []struct {
	store       string
	contestants []string
}{
	{"redis", []string{"session", "session cached", "scs", "scs idle", "floor", "no store"}},
	{"postgres", []string{"session", "scs", "scs idle", "floor"}},
	{"sqlite", []string{"session", "scs", "scs idle"}},
	{"sqlite-normal", []string{"session", "scs", "scs idle"}},
}

// A scale is how much is done.
type scale struct {
	rounds   int
	each     time.Duration // of each case of a contestant in a round
	clients  int
	sessions int // of each contestant
	ballast  bool
}

// BenchmarkStores measures sessions over the network: make bench-stores.
func BenchmarkStores(b *testing.B) {
	full := scale{
		rounds:   setting(b, "ROUNDS", 5),
		each:     time.Duration(setting(b, "MILLISECONDS", 2000)) * time.Millisecond,
		clients:  64,
		sessions: 1024,
		ballast:  true,
	}
	for _, p := range storesPlan {
		b.Run(p.store, func(b *testing.B) {
			t := newTable(b, "stores-"+p.store)
			measureStores(b, targets[p.store](b), p.contestants, full, t)
		})
	}
}

// TestStores holds that what is measured works, on every store.
func TestStores(t *testing.T) {
	small := scale{rounds: 1, each: 50 * time.Millisecond, clients: 4, sessions: 8}
	for _, p := range storesPlan {
		t.Run(p.store, func(t *testing.T) {
			table := newTable(t, "")
			measureStores(t, targets[p.store](t), p.contestants, small, table)
			if got, want := len(table.rows), 2*len(p.contestants); got != want {
				t.Errorf("%d rows, want %d", got, want)
			}
		})
	}
}

// A runner is a contestant that serves.
type runner struct {
	name   string
	server *server
	tokens []string
	asked  map[string]float64 // the store, by a request of each case
}

var cases = []string{"read", "count"}

func measureStores(tb testing.TB, t target, names []string, s scale, out *table) {
	var all []*runner
	for _, name := range names {
		url := t.url
		switch {
		case name == "session cached":
			url += "?cache=1m"
		case t.name == "sqlite": // tables of one name, with other columns
			url = strings.Replace(url, "sessions.db", strings.ReplaceAll(name, " ", "-")+".db", 1)
		case t.name == "postgres" && strings.HasPrefix(name, "scs"):
			url = schema(tb, url, name)
		}
		r := &runner{name: name, asked: map[string]float64{}}
		r.server = startServer(tb, serverSpec{Contestant: name, URL: url, Ballast: s.ballast})
		r.tokens = r.visit(tb, s)
		r.countAsked(tb, t, url)
		all = append(all, r)
		for _, c := range cases {
			r.send(tb, c, s, s.each/5) // to be warm
		}
	}
	for round := range s.rounds {
		for _, c := range cases {
			for _, r := range all {
				r.measure(tb, c, s, t, round, out)
			}
		}
	}
	for _, r := range all {
		r.check(tb, s)
	}
}

// visit makes the sessions.
func (r *runner) visit(tb testing.TB, s scale) []string {
	tb.Helper()
	result := sendLoad(tb, load.Spec{
		Addrs: []string{r.server.addr}, Path: "/new", CookieName: cookieName, Fresh: true,
		Clients: s.clients, Requests: s.sessions / s.clients, Duration: time.Minute,
	})
	if r.name != "no store" && len(result.Tokens) != s.sessions {
		tb.Fatalf("%s: %d sessions were made, want %d", r.name, len(result.Tokens), s.sessions)
	}
	return result.Tokens
}

func (r *runner) send(tb testing.TB, path string, s scale, d time.Duration) load.Result {
	tb.Helper()
	return sendLoad(tb, load.Spec{
		Addrs: []string{r.server.addr}, Path: "/" + path, CookieName: cookieName, Tokens: r.tokens,
		Clients: s.clients, Duration: d,
	})
}

func (r *runner) measure(tb testing.TB, path string, s scale, t target, round int, out *table) {
	tb.Helper()
	if round == 0 {
		defer profile(tb, r.server, fmt.Sprintf("%s-%s-%s", t.name, r.name, path), s.each)()
	}
	own, store := cpuTime(r.server.pid), cpuTime(t.pid)
	result := r.send(tb, path, s, s.each)
	each := func(d time.Duration) string { return micros(d / time.Duration(result.Requests)) }
	out.add(tb,
		"store", t.name, "contestant", r.name, "case", path, "round", strconv.Itoa(round),
		"per_second", fmt.Sprintf("%.0f", result.PerSecond()),
		"p50_us", micros(result.P50), "p99_us", micros(result.P99), "max_us", micros(result.Max),
		"cpu_us", each(cpuTime(r.server.pid)-own), "store_cpu_us", each(cpuTime(t.pid)-store),
		"asked", fmt.Sprintf("%.1f", r.asked[path]),
	)
}

// check holds that the sessions are as they were left: a counter that many have
// added to, and what was set in the beginning.
func (r *runner) check(tb testing.TB, s scale) {
	tb.Helper()
	if r.name == "no store" {
		return
	}
	one := scale{clients: 1, each: s.each}
	total := func() int {
		n, err := strconv.Atoi(sendLoad(tb, load.Spec{
			Addrs: []string{r.server.addr}, Path: "/total", CookieName: cookieName, Tokens: r.tokens[:1],
			Clients: 1, Requests: 1, Duration: time.Second,
		}).LastReply)
		if err != nil {
			tb.Fatal(err)
		}
		return n
	}
	before := total()
	tokens := r.tokens
	r.tokens = tokens[:1]
	added := r.send(tb, "count", one, 20*time.Millisecond).Requests
	if got := total() - before; before == 0 || got != added {
		tb.Errorf("%s: the counter went from %d by %d, and it was added to %d times", r.name, before, got, added)
	}
	r.send(tb, "read", one, 20*time.Millisecond)
	r.tokens = tokens
}

// countAsked finds out how often a request asks the store, with one client. A
// server of its own serves it, so that what counts is in nobody's way.
func (r *runner) countAsked(tb testing.TB, t target, url string) {
	tb.Helper()
	if r.name == "no store" {
		return
	}
	spec := serverSpec{Contestant: r.name, URL: url, Count: t.addr == ""}
	asked := func(s *server) int {
		n, err := strconv.Atoi(get(tb, s, "/statements"))
		if err != nil {
			tb.Fatal(err)
		}
		return n
	}
	if t.addr != "" {
		proxy, trips := countTrips(tb, t.addr)
		spec.URL = strings.Replace(url, t.addr, proxy, 1)
		asked = func(*server) int { return int(trips.Load()) }
	}
	s := startServer(tb, spec)
	defer s.stop()
	for _, c := range cases {
		const requests = 20
		send := func() {
			sendLoad(tb, load.Spec{
				Addrs: []string{s.addr}, Path: "/" + c, CookieName: cookieName, Tokens: r.tokens[:1],
				Clients: 1, Requests: requests, Duration: 10 * time.Second,
			})
		}
		send() // statements are prepared and scripts sent when they are first used
		before := asked(s)
		send()
		r.asked[c] = float64(asked(s)-before) / requests
	}
}

func get(tb testing.TB, s *server, path string) string {
	tb.Helper()
	resp, err := http.Get("http://" + s.addr + path)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		tb.Fatalf("%s: %s: %s, %v", path, resp.Status, body, err)
	}
	return string(body)
}

func micros(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/1e3) }
