package frameworks_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/handlers"

	"github.com/b4468f51/session"
)

// A logger outside of the Manager sees the pattern that a router inside found:
// one used by chi, whose request chi's own pattern is for, and one around all.
func TestAccessLog_SeesStatusAndPattern(t *testing.T) {
	type line struct {
		pattern string
		status  int
	}
	lines := make(chan line, 1)
	logger := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(ww, r)
			lines <- line{r.Pattern, ww.Status()}
		})
	}
	for name, build := range map[string]func(s *site) http.Handler{
		"chi": func(s *site) http.Handler {
			r := chi.NewRouter()
			r.Use(logger, s.m.Handler)
			chiRoutes(t, r)
			return r
		},
		"ServeMux": func(s *site) http.Handler {
			mux := http.NewServeMux()
			mux.HandleFunc("/items/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.PathValue("id")) })
			mux.HandleFunc("/count", func(w http.ResponseWriter, r *http.Request) { count(r) })
			return logger(s.m.Handler(mux))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, session.Config{})
			b := browse(t, serve(t, build(s)))
			b.want("/items/7", 200, "7")
			if got, want := <-lines, (line{"/items/{id}", 200}); got != want {
				t.Errorf("the log says %v, want %v", got, want)
			}
			s.store.broken.Store(true)
			b.want("/count", 503, "Service Unavailable")
			if got, want := <-lines, (line{"/count", 503}); got != want {
				t.Errorf("the log says %v, want %v", got, want)
			}
		})
	}
}

func TestAccessLog_GorillaCombinedLogSeesTheErrorAnswer(t *testing.T) {
	s := newSite(t, session.Config{})
	var logged bytes.Buffer
	b := browse(t, serve(t, handlers.CombinedLoggingHandler(&logged, s.m.Handler(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			count(r)
			io.WriteString(w, "counted")
		})))))
	s.store.broken.Store(true)
	b.want("/", 503, "Service Unavailable")
	b.srv.Close() // and what the handler has logged is there
	if got := logged.String(); !strings.Contains(got, `"GET / HTTP/1.1" 503 `) {
		t.Errorf("the log says %q", got)
	}
}
