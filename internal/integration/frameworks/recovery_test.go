package frameworks_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/handlers"

	"github.com/b4468f51/session"
)

// Chi's Recoverer may stand on either side.
func TestRecovery_ChiRecoverer(t *testing.T) {
	for name, chain := range map[string]func(*site) chi.Middlewares{
		"outside": func(s *site) chi.Middlewares { return chi.Chain(middleware.Recoverer, s.m.Handler) },
		"inside":  func(s *site) chi.Middlewares { return chi.Chain(s.m.Handler, middleware.Recoverer) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, session.Config{})
			r := chi.NewRouter()
			r.Use(silent)
			r.Use(chain(s)...)
			chiRoutes(t, r)
			b := browse(t, serve(t, r))
			b.want("/count", 200, "1")
			if a := b.want("/panics", 500, ""); a.sets() != "" {
				t.Errorf("a panic sets %q", a.sets())
			}
			b.want("/who", 200, "<> 1")
		})
	}
}

// silent keeps Recoverer's stack out of the test's output.
func silent(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, middleware.WithLogEntry(r, noEntry{}))
	})
}

type noEntry struct{}

func (noEntry) Write(int, int, http.Header, time.Duration, any) {}
func (noEntry) Panic(any, []byte)                               {}

// late fails to save after the first byte has left. The Manager aborts the
// answer by a panic with http.ErrAbortHandler, so that nobody takes it for whole.
func late(s *site) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count(r)
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		s.store.broken.Store(true)
		count(r)
	})
}

// whole tells whether an answer arrived at its end.
func (b *browser) whole(path string) bool {
	res, err := b.c.Do(b.request("GET", path, nil))
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.ReadAll(res.Body)
	return err == nil
}

// A recovery outside has to let http.ErrAbortHandler pass. Chi's does, and
// gorilla's does not: that is what the documentation warns of.
func TestRecovery_OutsideItLetsAbortedAnswersPass(t *testing.T) {
	for name, tt := range map[string]struct {
		chain func(*site) http.Handler
		whole bool
	}{
		"none":             {func(s *site) http.Handler { return s.m.Handler(late(s)) }, false},
		"chi, outside":     {func(s *site) http.Handler { return middleware.Recoverer(s.m.Handler(late(s))) }, false},
		"chi, inside":      {func(s *site) http.Handler { return s.m.Handler(middleware.Recoverer(late(s))) }, false},
		"gorilla, inside":  {func(s *site) http.Handler { return s.m.Handler(gorillaRecovery(late(s))) }, false},
		"gorilla, outside": {func(s *site) http.Handler { return gorillaRecovery(s.m.Handler(late(s))) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, session.Config{})
			if got := browse(t, serve(t, tt.chain(s))).whole("/"); got != tt.whole {
				t.Errorf("the answer looks whole: %v, want %v", got, tt.whole)
			}
			if n := len(s.heard(session.EventCommitFailed)); n == 0 {
				t.Error("no event tells of the failure")
			}
		})
	}
}

var gorillaRecovery = handlers.RecoveryHandler(handlers.RecoveryLogger(quiet))
