package load

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("id")
		if err != nil {
			http.SetCookie(w, &http.Cookie{Name: "id", Value: "made"})
			return
		}
		mu.Lock()
		defer mu.Unlock()
		seen[c.Value]++
	}))
	defer server.Close()
	spec := Spec{
		Addrs: []string{strings.TrimPrefix(server.URL, "http://")}, Path: "/", CookieName: "id",
		Clients: 4, Duration: 10 * time.Second, Requests: 5, Tokens: []string{"a", "b", "c", "d", "e"},
	}
	r, err := Run(spec)
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests != 20 || r.P50 > r.P99 || r.P99 > r.Max || r.P50 <= 0 || len(seen) != 5 {
		t.Errorf("%+v of %v", r, seen)
	}

	spec.Tokens = nil
	if r, err = Run(spec); err != nil || strings.Join(r.Tokens, " ") != "made made made made" {
		t.Errorf("what the server set: %q, %v", r.Tokens, err)
	}

	clear(seen)
	spec.Template, spec.Tag, spec.Sessions = strings.Repeat("A", 64), "x", 3
	if _, err = Run(spec); err != nil || len(seen) != 3 {
		t.Errorf("a population of three: %v, %v", seen, err)
	}
}

func TestRunFails(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	spec := Spec{Addrs: []string{strings.TrimPrefix(server.URL, "http://")}, Path: "/x", Clients: 1, Duration: time.Second}
	if _, err := Run(spec); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a page that is missing: %v", err)
	}
}

func TestShare(t *testing.T) {
	for _, n := range []int{1, 3, 64, 100, 1000} {
		seen := map[int]int{}
		for i := range 64 {
			first, count := share(n, i, 64)
			for j := range count {
				seen[first+j]++
			}
		}
		if len(seen) != n {
			t.Errorf("%d of %d are anybody's", len(seen), n)
		}
	}
}
