package main

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/b4468f51/session"
)

// logRequests writes a line for each request but those of static files. It
// leaves the query out, and cookies: they are not for logs.
func logRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			slog.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path,
				"status", rec.status, "took", time.Since(began).Round(time.Microsecond))
		}()
		next.ServeHTTP(rec, r)
	})
}

// A recorder remembers the status of a response.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the first byte
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController through.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// recoverPanics answers with an error page where a handler panics. It stands
// outside of the sessions, which so see the panic and commit nothing.
func recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			slog.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "value", v, "stack", string(debug.Stack()))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler) // half an answer must not look like a whole one
			}
			errorPage(http.StatusInternalServerError).ServeHTTP(w, r)
		}()
		next.ServeHTTP(w, r)
	})
}

// secureHeaders tells browsers what this site never does: run scripts but its
// own, load from elsewhere, or be framed.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func limitBody(next http.Handler) http.Handler { return http.MaxBytesHandler(next, maxBody) }

// current returns the session of a request.
func current(r *http.Request) *session.Session { return session.FromContext(r.Context()) }
