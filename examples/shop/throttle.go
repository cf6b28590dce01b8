package main

import (
	"errors"
	"hash/maphash"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// errTooOften is returned to who has tried too often lately.
var errTooOften = errors.New("too many attempts")

// A throttle lets each key, an address or an account, do something a few times
// at once, and then once per interval. It takes the same memory however many
// keys there are: keys share its cells, and a seed keeps anybody from choosing
// keys that share one.
type throttle struct {
	seed  maphash.Seed
	every time.Duration
	burst int

	mu    sync.Mutex
	cells [1 << 14]*rate.Limiter
}

func newThrottle(burst int, every time.Duration) *throttle {
	return &throttle{seed: maphash.MakeSeed(), every: every, burst: burst}
}

// allow tells whether a key may go on, and counts that.
func (t *throttle) allow(key string) bool {
	at := maphash.String(t.seed, key) % uint64(len(t.cells))
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cells[at] == nil {
		t.cells[at] = rate.NewLimiter(rate.Every(t.every), t.burst)
	}
	return t.cells[at].Allow()
}

// Throttles of what can be used to guess a password. Who knows the address of
// an account can so keep new devices out of it for a while: those that are
// signed in stay so, and their own guesses count apart.
type throttles struct {
	signIn    *throttle // by account
	address   *throttle // sign-ins and sign-ups, by client
	confirm   *throttle // by user
	confirmIn *throttle // by session, less: who guesses at one device leaves room at the others
}

func newThrottles() throttles {
	return throttles{
		signIn:    newThrottle(10, 20*time.Second),
		address:   newThrottle(30, 2*time.Second),
		confirm:   newThrottle(15, 10*time.Second),
		confirmIn: newThrottle(5, 30*time.Second),
	}
}

// clientAddress returns what tells clients apart: their address, of which one
// household or one server has 2^64 in IPv6. Behind a proxy that is the proxy's:
// there, take the address from the header that the proxy sets, and make sure
// that it removes what clients have put into it.
func clientAddress(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr := from.Addr().Unmap()
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil {
			return network.String()
		}
	}
	return addr.String()
}

// admitVisitors bounds the carts of visitors: those of one client, so that it
// cannot use up what there is for all, and those of all together.
func admitVisitors(ofOne, ofAll func(*http.Request) error) func(*http.Request) error {
	return func(r *http.Request) error {
		if err := ofOne(r); err != nil {
			return err
		}
		return ofAll(r)
	}
}

// limitClient admits so many at once of one client, and then one per interval.
func limitClient(burst int, every time.Duration) func(*http.Request) error {
	clients := newThrottle(burst, every)
	return func(r *http.Request) error {
		if !clients.allow(clientAddress(r)) {
			return errTooOften
		}
		return nil
	}
}
