package probe

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// A Direct client loads and commits sessions without HTTP handlers.
type Direct struct {
	T testing.TB
	M *session.Manager
}

// NewDirect returns a client of a new manager over a store.
func NewDirect(t testing.TB, st store.Store, cfg session.Config) Direct {
	return Direct{t, NewSite(t, st, cfg).M}
}

// Request returns a request with a cookie, or without one.
func (d Direct) Request(c *http.Cookie) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if c != nil {
		r.AddCookie(c)
	}
	return r
}

// Load returns the session of a cookie, or a new one.
func (d Direct) Load(c *http.Cookie) *session.Session {
	d.T.Helper()
	s, err := d.M.Load(d.Request(c))
	if err != nil {
		d.T.Fatal(err)
	}
	return s
}

// Commit returns the cookie that was set, if any.
func (d Direct) Commit(s *session.Session) *http.Cookie {
	d.T.Helper()
	c, err := d.M.Commit(d.T.Context(), s)
	if err != nil {
		d.T.Fatal(err)
	}
	return c
}

// With stores a session in which a key is set.
func (d Direct) With(key string, v any) *http.Cookie {
	d.T.Helper()
	s := d.Load(nil)
	if err := s.Set(key, v); err != nil {
		d.T.Fatal(err)
	}
	return d.Commit(s)
}
