package frameworks_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/b4468f51/session"
)

// Chi's Timeout answers 504 when the handler has returned too late.
func TestTimeouts_ChiTimeoutStandsInside(t *testing.T) {
	s := newSite(t, session.Config{})
	r := chi.NewRouter()
	r.Use(s.m.Handler, middleware.Timeout(time.Nanosecond))
	r.Get("/slow", func(w http.ResponseWriter, r *http.Request) {
		signIn(r)
		<-r.Context().Done()
	})
	b := browse(t, serve(t, r))
	if a := b.want("/slow", http.StatusGatewayTimeout, ""); a.sets() != "" {
		t.Errorf("a timeout sets %q", a.sets())
	}
	if n := s.store.writes.Load(); n != 0 {
		t.Errorf("a timeout wrote %d times to the store", n)
	}
}

// A slow is a handler that acts after its request has timed out.
type slow struct {
	act      func(s *session.Session) error
	err      error         // what act returned
	answered chan struct{} // the client has its answer
	returned chan struct{}
}

func (h *slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	<-h.answered
	h.err = h.act(session.FromContext(r.Context()))
}

// watch tells when next, of which h is a part, has returned.
func (h *slow) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(h.returned)
		next.ServeHTTP(w, r)
	})
}

// timeOut signs in, and has a request time out whose handler then acts. It
// returns when the handler is through.
func timeOut(t *testing.T, s *site, act func(s *session.Session) error, chain func(h *slow) http.Handler) (*browser, error) {
	t.Helper()
	h := &slow{act: act, answered: make(chan struct{}), returned: make(chan struct{})}
	mux := http.NewServeMux()
	mux.Handle("/slow", chain(h))
	mux.Handle("/", s.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/signin" {
			signIn(r)
		}
		io.WriteString(w, who(r))
	})))
	b := browse(t, serve(t, mux))
	b.want("/signin", 200, "<ada> 0")
	if a := b.want("/slow", http.StatusServiceUnavailable, "timeout"); a.sets() != "" {
		t.Errorf("a timeout sets %q", a.sets())
	}
	close(h.answered)
	<-h.returned
	return b, h.err
}

func timeout(next http.Handler) http.Handler {
	return http.TimeoutHandler(next, time.Millisecond, "timeout")
}

var lateActs = map[string]func(s *session.Session) error{
	"Set": func(s *session.Session) error { return visits.Set(s, 1) },
	"SetLifetime": func(s *session.Session) error {
		return s.SetLifetime(session.Lifetime{Absolute: time.Hour, Idle: time.Hour})
	},
	"Reauthenticate": func(s *session.Session) error { return s.Reauthenticate(1) },
}

// Inside, the Manager sees the 503 and commits nothing, and the handler learns of it.
func TestTimeouts_TimeoutHandlerStandsInside(t *testing.T) {
	for name, act := range lateActs {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, session.Config{})
			b, err := timeOut(t, s, act, func(h *slow) http.Handler { return s.m.Handler(timeout(h.watch(h))) })
			if !errors.Is(err, session.ErrDone) {
				t.Errorf("a change after the timeout: %v", err)
			}
			b.want("/who", 200, "<ada> 0")
		})
	}
}

// Outside, the commit happens, and its answer is lost. What replaces the token
// gently costs nobody the session. Reauthenticate, Renew and Login kill the
// old token at once: that is what the documentation warns of.
func TestTimeouts_OutsideOfTheManagerTheAnswerOfACommitIsLost(t *testing.T) {
	for name, want := range map[string]string{
		"Set":            "<ada> 1",
		"SetLifetime":    "<ada> 0",
		"Reauthenticate": "<> 0",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, session.Config{})
			b, err := timeOut(t, s, lateActs[name], func(h *slow) http.Handler { return timeout(h.watch(s.m.Handler(h))) })
			if err != nil {
				t.Error(err)
			}
			b.want("/who", 200, want)
		})
	}
	t.Run("rotation", func(t *testing.T) {
		s := newSite(t, session.Config{RotateEvery: 2, Grace: 1}) // nanoseconds: with each request
		b, err := timeOut(t, s, lateActs["Set"], func(h *slow) http.Handler { return timeout(h.watch(s.m.Handler(h))) })
		if err != nil {
			t.Error(err)
		}
		if len(s.heard(session.EventRotated)) == 0 {
			t.Error("the lost answer had no new token")
		}
		b.want("/who", 200, "<ada> 1")
	})
}
