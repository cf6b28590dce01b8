package session

import (
	"context"
	"errors"
	"net/http"
)

// Handler is the middleware: it gives next the session of each request, by
// [FromContext], and commits what next changed before the first byte of the
// response leaves. Its shape is that of an alice.Constructor.
//
// The session is loaded first; where that fails, Config.ErrorHandler answers
// and next does not run. Where the commit fails, Config.ErrorHandler answers,
// and what next writes is dropped with that error: the client has its answer,
// and next has only to return. A response of status 500
// or above, and a panic, commit nothing. What next changes after the first
// byte is committed when it returns; if that fails, Handler panics with
// [http.ErrAbortHandler], so that the client does not take the response for
// complete.
//
// A request that has a session of this manager already, and one that
// Config.Skip leaves out, is handed on as it is.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.cfg.Skip(r) || m.FromContext(r.Context()) != nil {
			next.ServeHTTP(w, r)
			return
		}
		e := new(exchange)
		if err := m.load(r, &e.session); err != nil {
			m.answer(w, r, err)
			return
		}
		e.context = sessionContext{r.Context(), &e.session}
		r = r.WithContext(&e.context)
		e.response.wrap(w, r, &e.session)
		defer e.session.finish() // commits nothing: what is pending after a panic is dropped
		next.ServeHTTP(&e.response, r)
		e.response.end()
	})
}

// An exchange is all that one request needs, in one allocation.
type exchange struct {
	session  Session
	context  sessionContext
	response response
}

// finish drops what is pending and refuses changes from here on.
func (s *Session) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops, s.done = nil, true
}

// ErrorStatus suggests the HTTP status for an error of this package: 409
// Conflict for [ErrEnded] and [ErrConflict], which a repeated request may mend;
// 503 Service Unavailable where the store failed or the session was written by
// a newer program; 500 for the application's own mistakes.
func ErrorStatus(err error) int {
	var failed *storeError
	switch {
	case errors.Is(err, ErrEnded), errors.Is(err, ErrConflict):
		return http.StatusConflict
	case errors.As(err, &failed), errors.Is(err, errNewerFormat), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// answer has Config.ErrorHandler answer. Should it name no status, the client
// must not take that for success.
func (m *Manager) answer(w http.ResponseWriter, r *http.Request, err error) {
	a := &errorAnswer{ResponseWriter: w, err: err}
	m.cfg.ErrorHandler(a, r, err)
	a.begin()
}

type errorAnswer struct {
	http.ResponseWriter
	err   error
	begun bool
}

func (a *errorAnswer) begin() {
	if !a.begun {
		a.WriteHeader(ErrorStatus(a.err))
	}
}

func (a *errorAnswer) WriteHeader(status int) {
	a.begun = a.begun || status >= 200
	a.ResponseWriter.WriteHeader(status)
}

func (a *errorAnswer) Write(p []byte) (int, error) {
	a.begin()
	return a.ResponseWriter.Write(p)
}

func (a *errorAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// answerError is the default of Config.ErrorHandler. It tells the client no
// more than the status.
func answerError(w http.ResponseWriter, _ *http.Request, err error) {
	status := ErrorStatus(err)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}
