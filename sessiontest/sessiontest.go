// Package sessiontest gives a request a session, for tests of handlers that
// need one: without a middleware, a cookie or a store to set up.
package sessiontest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// Options say what the session of a request holds. The zero value is a new,
// anonymous session.
type Options struct {
	// Subject is whom the session belongs to. Default "": anonymous.
	Subject string

	// Values are set one by one, as with [session.Session.Set].
	Values map[string]any

	// Config is that of the session's manager. Default the production
	// settings, with events in the test's log.
	Config session.Config
}

// Request returns a copy of r whose context holds a session of its own, as a
// handler behind the middleware sees it, and the session, to look at when the
// handler has returned. A session with a subject or values is stored, as one
// that an earlier request left. What cannot be set up fails the test.
func Request(t testing.TB, r *http.Request, o Options) (*http.Request, *session.Session) {
	t.Helper()
	if o.Config.Observer == nil {
		o.Config.Observer = func(_ context.Context, e session.Event) { t.Logf("session: %s: %v %v", e.Kind, e.ID, e.Err) }
	}
	m, err := session.NewManager(memstore.New(), o.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })

	arrive := r.Clone(r.Context())
	arrive.Header = http.Header{}
	addBindingCookie(m, arrive)
	s, err := m.Load(arrive)
	if err != nil {
		t.Fatal(err)
	}
	if o.Subject == "" && len(o.Values) == 0 {
		return r.WithContext(session.NewContext(r.Context(), s)), s
	}
	if o.Subject != "" {
		if err := s.Login(o.Subject); err != nil {
			t.Fatal(err)
		}
	}
	for key, v := range o.Values {
		if err := s.Set(key, v); err != nil {
			t.Fatal(err)
		}
	}
	cookie, err := m.Commit(r.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if cookie != nil { // come back with it, so that the session is no new one
		switch o.Config.Header {
		case "":
			arrive.AddCookie(cookie)
		case "Authorization":
			arrive.Header.Set("Authorization", "Bearer "+cookie.Value)
		default:
			arrive.Header.Set(o.Config.Header, cookie.Value)
		}
		if s, err = m.Load(arrive); err != nil {
			t.Fatal(err)
		}
	}
	return r.WithContext(session.NewContext(r.Context(), s)), s
}

// addBindingCookie gives a request the cookie that bindings are made of, so that
// its handler can make tokens of forms without a response to set it.
func addBindingCookie(m *session.Manager, r *http.Request) {
	w := httptest.NewRecorder()
	m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = session.FromContext(r.Context()).Binding("sessiontest") // Config.Skip may leave it out
	})).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
}
