//go:build !race

package session_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// discard is a ResponseWriter that costs nothing itself.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// TestAllocations holds what a request through Handler allocates: the request's
// copy with its context, what the session needs, and the subject, if it has one.
func TestAllocations(t *testing.T) {
	m, err := session.NewManager(memstore.New(), session.Config{GCInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	user := session.NewKey[int64]("user")
	name := session.NewKey[string]("name")
	since := session.NewKey[time.Time]("since")

	r, _ := http.NewRequest("GET", "/", nil)
	s, err := m.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{user.Set(s, 42), name.Set(s, "0123456789abcdef0123456789abcdef"), since.Set(s, time.Now()), s.Login("42")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cookie, err := m.Commit(r.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(cookie)
	anonymous, _ := http.NewRequest("GET", "/", nil)
	changed := int64(42)

	for _, test := range []struct {
		name    string
		r       *http.Request
		handler func(http.ResponseWriter, *http.Request)
		most    float64
	}{
		{"read nothing", r, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, 3},
		{"read an integer", r, func(w http.ResponseWriter, r *http.Request) {
			if n, ok := user.Get(session.FromContext(r.Context())); !ok || n != 42 {
				t.Error(n, ok)
			}
			w.WriteHeader(204)
		}, 3},
		{"read three values", r, func(w http.ResponseWriter, r *http.Request) {
			s := session.FromContext(r.Context())
			n, _ := user.Get(s)
			text, _ := name.Get(s)
			at, _ := since.Get(s)
			if n != 42 || len(text) != 32 || at.IsZero() {
				t.Error(n, text, at)
			}
			w.WriteHeader(204)
		}, 4}, // and the string
		{"anonymous", anonymous, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, 2},
		{"set what is there", r, func(w http.ResponseWriter, r *http.Request) {
			if err := user.Set(session.FromContext(r.Context()), 42); err != nil {
				t.Error(err)
			}
			w.WriteHeader(204)
		}, 6},
		{"change a number", r, func(w http.ResponseWriter, r *http.Request) {
			changed++
			if err := user.Set(session.FromContext(r.Context()), changed); err != nil {
				t.Error(err)
			}
			w.WriteHeader(204)
		}, 8},
		{"new session", anonymous, func(w http.ResponseWriter, r *http.Request) {
			if err := user.Set(session.FromContext(r.Context()), 42); err != nil {
				t.Error(err)
			}
			w.WriteHeader(204)
		}, 12},
	} {
		h := m.Handler(http.HandlerFunc(test.handler))
		w := discard{http.Header{}}
		n := testing.AllocsPerRun(1000, func() {
			clear(w.h)
			h.ServeHTTP(w, test.r)
		})
		t.Logf("%s: %v allocations", test.name, n)
		if n > test.most {
			t.Errorf("%s: %v allocations, want at most %v", test.name, n, test.most)
		}
	}
}
