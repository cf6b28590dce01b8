package session

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
)

// ErrorStatus suggests the HTTP status for an error of this package: 409
// Conflict for [ErrEnded] and [ErrConflict], which a repeated request may mend;
// 429 Too Many Requests for [ErrRefused]; 403 Forbidden for [ErrTooManySessions];
// 503 Service Unavailable where the store failed or the session was written by
// a newer program; 500 for the application's own mistakes.
//
// Any other error may name its status, by a method Status() int on it or on an error
// that it wraps: those of packages guard and csrf do, and that of an Update's function
// may. A status that is no error's, below 400 or above 599, counts as none.
func ErrorStatus(err error) int {
	var failed *commit.StoreError
	var own interface{ Status() int }
	switch {
	case errors.Is(err, ErrEnded), errors.Is(err, ErrConflict):
		return http.StatusConflict
	case errors.Is(err, ErrRefused):
		return http.StatusTooManyRequests
	case errors.Is(err, ErrTooManySessions):
		return http.StatusForbidden
	case errors.As(err, &failed), errors.Is(err, envelope.ErrNewerFormat):
		return http.StatusServiceUnavailable
	case errors.As(err, &own) && own.Status() >= 400 && own.Status() < 600:
		return own.Status()
	default:
		return http.StatusInternalServerError
	}
}

// Answer answers a request with an error by Config.ErrorHandler, as Handler does. It is
// for a middleware that refuses requests; nothing must have been written to w before.
// An ErrorHandler that writes no status gives that of [ErrorStatus]. A nil Manager, for
// a middleware that finds no session, gives the default answer.
func (m *Manager) Answer(w http.ResponseWriter, r *http.Request, err error) {
	if m == nil {
		answerError(w, r, err)
		return
	}
	m.answerWith(&errorAnswer{ResponseWriter: w, m: m, err: err}, r)
}

// answerFor is Answer in the place of a handler.
func (m *Manager) answerFor(w *response, err error) {
	m.answerWith(&errorAnswer{ResponseWriter: w.w, m: m, err: err, replaces: w}, w.r)
}

// answerWith has the status written where the ErrorHandler names none: the client must
// not take the answer for success.
func (m *Manager) answerWith(a *errorAnswer, r *http.Request) {
	m.cfg.ErrorHandler(a, r, a.err)
	a.begin()
}

// An errorAnswer is the ResponseWriter that Config.ErrorHandler gets.
type errorAnswer struct {
	http.ResponseWriter
	m        *Manager
	err      error
	begun    bool
	replaces *response // nil where no handler has run
}

func (a *errorAnswer) begin() {
	if !a.begun {
		a.WriteHeader(ErrorStatus(a.err))
	}
}

// WriteHeader writes the session's part of the header last: the page may be
// cacheable for all that its writer knows.
func (a *errorAnswer) WriteHeader(status int) {
	if status >= 200 && !a.begun {
		a.begun = true
		if a.replaces != nil {
			a.replaces.writeHeader()
		} else {
			a.m.carrier.Vary(a.Header(), new([1]string))
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *errorAnswer) Write(p []byte) (int, error) {
	a.begin()
	return a.ResponseWriter.Write(p)
}

func (a *errorAnswer) Flush() { _ = a.FlushError() }

func (a *errorAnswer) FlushError() error {
	a.begin()
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap is for what does not write.
func (a *errorAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Format writes no more, whatever the verb: below the writer is the request, with
// its token.
func (a *errorAnswer) Format(f fmt.State, _ rune) {
	io.WriteString(f, "response writer of an error page")
}

// answerError is the default of Config.ErrorHandler. It tells the client no
// more than the status.
func answerError(w http.ResponseWriter, _ *http.Request, err error) {
	status := ErrorStatus(err)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}
