package probe

import (
	"io"
	"net/http"
	"testing"

	"github.com/b4468f51/session"
)

// Succeed makes an Act of a step that must not fail.
func Succeed(t testing.TB, f func(r *http.Request, s *session.Session) error) Act {
	return func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := f(r, s); err != nil {
			t.Error(err)
		}
	}
}

// Set sets a value.
func Set(t testing.TB, key string, v any) Act {
	return Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Set(key, v) })
}

// Login signs in.
func Login(t testing.TB, subject string) Act {
	return Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Login(subject) })
}

// Renew replaces the token.
func Renew(t testing.TB) Act {
	return Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Renew() })
}

// Logout destroys the session.
func Logout(t testing.TB) Act {
	return Succeed(t, func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) })
}

// Saved makes an Act of several, and saves what they have changed.
func Saved(t testing.TB, changes ...Act) Act {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		for _, change := range changes {
			change(w, r, s)
		}
		if err := s.Save(r.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Idle does nothing with its session.
func Idle(http.ResponseWriter, *http.Request, *session.Session) {}

// Read looks at all of the session, and changes nothing.
func Read(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
	for key := range s.Keys() {
		s.Get(key)
	}
}

// Counter is the key of a number that requests count up.
var Counter = session.NewKey[int]("n")

// Increment counts up by one.
func Increment(s *session.Session) error {
	return Counter.Update(s, func(n int) (int, error) { return n + 1, nil })
}

// A Gate holds a request up, in the middle of its handler.
type Gate struct{ reached, open chan struct{} }

// NewGate returns a closed one.
func NewGate() Gate { return Gate{make(chan struct{}), make(chan struct{})} }

// Wait is called by the handler.
func (g Gate) Wait() { close(g.reached); <-g.open }

// During runs f while a handler waits, and then lets it go on.
func (g Gate) During(f func()) { <-g.reached; f(); close(g.open) }

// Behind makes an Act of a middleware before a handler that answers 200 and "inside".
func Behind(guard func(http.Handler) http.Handler) Act {
	h := guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "inside") }))
	return func(w http.ResponseWriter, r *http.Request, _ *session.Session) { h.ServeHTTP(w, r) }
}
