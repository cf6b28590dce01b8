package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

// from is a way to a handler that begins at an address, without a network.
type from struct {
	handler http.Handler
	addr    string
}

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
	in.Header, in.RemoteAddr = r.Header, f.addr+":4711"
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, in)
	res := w.Result()
	res.Request = r
	return res, nil
}

// visited is a shop whose visitors come from addresses of their own.
type visited struct {
	t       *testing.T
	handler http.Handler
	hasher  *hasher
}

func newVisited(t *testing.T) visited {
	t.Helper()
	sessions, err := session.Open("memory:", sessionConfig(false))
	if err != nil {
		t.Fatal(err)
	}
	h := newHasher(quickHash)
	users, err := openUsers(filepath.Join(t.TempDir(), "shop.db"), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sessions.Close(); users.close() })
	return visited{t, newShop(users, sessions), h}
}

func (v visited) browser(addr string) *browser {
	return site{"https://shop.test", from{v.handler, addr}}.browser(v.t)
}

// guess tries so many passwords, each with a new browser, and returns how many
// were looked at.
func (v visited) guess(n int, addr func(i int) string) (taken int) {
	v.t.Helper()
	for i := range n {
		switch got := v.browser(addr(i)).post("/signin", "email", "ada@example.com", "password", fmt.Sprint("guess ", i)); got.status {
		case http.StatusUnprocessableEntity:
			taken++
		case http.StatusTooManyRequests:
			if got.header.Get("Retry-After") == "" {
				v.t.Error("no Retry-After")
			}
		default:
			v.t.Fatalf("guess %d: %d", i, got.status)
		}
	}
	return taken
}

func TestGuessesAtSignInAreThrottled(t *testing.T) {
	v := newVisited(t)
	ada := v.browser("192.0.2.1")
	ada.signUp("Ada")
	taken := v.guess(150, func(i int) string { return fmt.Sprintf("198.51.100.%d", i) })
	if taken == 0 || taken > 15 {
		t.Errorf("%d of 150 guesses at one account were looked at", taken)
	}
	// Who is signed in notices nothing.
	ada.want(ada.get("/account"), http.StatusOK, "ada@example.com")
	got := ada.post("/confirm", "password", "correct horse")
	ada.want(got, http.StatusOK, "ada@example.com")
	// Nor do other accounts.
	other := v.browser("192.0.2.1")
	other.signUp("Grace")
}

func TestGuessesOfOneClientAreThrottled(t *testing.T) {
	v := newVisited(t)
	b := v.browser("192.0.2.7")
	taken := 0
	for i := range 150 {
		got := b.post("/signin", "email", fmt.Sprintf("user%d@example.com", i), "password", "password1")
		if got.status == http.StatusUnprocessableEntity {
			taken++
		}
	}
	if taken == 0 || taken > 40 {
		t.Errorf("%d of 150 accounts were tried by one client", taken)
	}
	if got := b.post("/signup", "name", "Ada", "email", "ada@example.com", "password", "correct horse"); got.status != http.StatusTooManyRequests {
		t.Errorf("the same client signs up: %d", got.status)
	}
	v.browser("192.0.2.8").signUp("Ada")
}

func TestGuessesAtTheConfirmationAreThrottled(t *testing.T) {
	v := newVisited(t)
	b := v.browser("192.0.2.1")
	b.signUp("Ada")
	taken := 0
	for i := range 50 {
		if got := b.post("/confirm", "password", fmt.Sprint("guess ", i)); got.status == http.StatusUnprocessableEntity {
			taken++
		}
	}
	if taken == 0 || taken > 8 {
		t.Errorf("%d of 50 guesses were looked at", taken)
	}
	// It keeps no other session of the user from confirming.
	b = v.browser("192.0.2.2")
	b.want(b.post("/signin", "email", "ada@example.com", "password", "correct horse"), http.StatusOK, "Welcome back")
	b.want(b.post("/confirm", "password", "correct horse"), http.StatusOK, "ada@example.com")
	// But more sessions are no way around it.
	for i := range 6 {
		b := v.browser(fmt.Sprintf("192.0.2.%d", 3+i))
		b.want(b.post("/signin", "email", "ada@example.com", "password", "correct horse"), http.StatusOK, "Welcome back")
		for range 10 {
			if got := b.post("/confirm", "password", "guess"); got.status == http.StatusUnprocessableEntity {
				taken++
			}
		}
	}
	if taken > 20 {
		t.Errorf("%d guesses in several sessions were looked at", taken)
	}
}

// While every connection of a flood waits for its password to be hashed, who is
// signed in goes on, and after it another client has its turn.
func TestAFloodOfSignInsLeavesRoom(t *testing.T) {
	v := newVisited(t)
	ada := v.browser("192.0.2.1")
	ada.signUp("Ada")

	guests := v.hasher.guests
	for range cap(guests.slots) { // as long as hashing takes
		guests.slots <- struct{}{}
	}
	var flood sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	flooding := v.browser("203.0.113.9")
	for i := range 1200 {
		flood.Go(func() {
			got := flooding.post("/signin", "email", fmt.Sprintf("user%d@example.com", i), "password", "password1")
			mu.Lock()
			defer mu.Unlock()
			answers[got.status]++
		})
	}
	waitFor(t, "most of the flood to be turned away", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return answers[http.StatusServiceUnavailable]+answers[http.StatusTooManyRequests] == 1200-guests.share
	})
	ada.want(ada.post("/confirm", "password", "correct horse"), http.StatusOK, "ada@example.com")
	ada.want(ada.post("/account/password", "password", "battery staple"), http.StatusOK, "Your password is changed.")
	var grace sync.WaitGroup
	grace.Go(func() { v.browser("192.0.2.3").signUp("Grace") })
	waitFor(t, "another client to wait in line", func() bool {
		guests.mu.Lock()
		defer guests.mu.Unlock()
		return guests.of["192.0.2.3"] == 1
	})
	for range cap(guests.slots) {
		<-guests.slots
	}
	grace.Wait()
	flood.Wait()
}

// waitFor polls, in a test that has no other way to see what others do.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

func TestOneClientLeavesRoomForOtherVisitors(t *testing.T) {
	v := newVisited(t)
	greedy := map[int]int{}
	for range 1100 {
		greedy[v.browser("192.0.2.66").post("/cart/add", "product", "cup").status]++
	}
	if greedy[http.StatusOK] == 0 || greedy[http.StatusOK] > 200 || greedy[http.StatusTooManyRequests] == 0 {
		t.Errorf("one client fills carts: %v", greedy)
	}
	b := v.browser("192.0.2.1")
	b.want(b.post("/cart/add", "product", "cup"), http.StatusOK, items("1"))
}

func TestAQueueIsFairAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 4, 2)
		leave, err := q.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		var turns []string
		for _, client := range []string{"a", "b", "c"} {
			go func() {
				leave, err := q.enter(t.Context(), client)
				if err != nil {
					t.Error(client, err)
					return
				}
				turns = append(turns, client)
				leave()
			}()
			synctest.Wait()
		}
		for _, client := range []string{"a", "d"} { // over its share, and over all
			if _, err := q.enter(t.Context(), client); !errors.Is(err, errBusy) {
				t.Errorf("%s: %v", client, err)
			}
		}
		leave()
		synctest.Wait()
		if want := []string{"a", "b", "c"}; !slices.Equal(turns, want) {
			t.Errorf("the turns are %v, want %v", turns, want)
		}

		leave, err = q.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.enter(t.Context(), "b"); !errors.Is(err, errBusy) { // after queueWait
			t.Errorf("a turn that does not come: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := q.enter(ctx, "b"); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that has gone: %v", err)
		}
		leave()
		if q.count != 0 || len(q.of) != 0 {
			t.Errorf("%d are left, %v", q.count, q.of)
		}
	})
}

func TestClientAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80":              "192.0.2.1",
		"[::ffff:192.0.2.1]:80":     "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[2001:db8:1:2::1%eth0]:80": "2001:db8:1:2::/64",
		"@":                         "@",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		if got := clientAddress(r); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}
