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
// 429 Too Many Requests for [ErrRefused]; 401 Unauthorized for [ErrSignInRequired]
// and [ErrStepUpRequired]; 403 Forbidden for [ErrTooManySessions] and [ErrCSRF], but 413 or 400
// where the body with the token is too long or no form;
// 503 Service Unavailable where the store failed or the session was written by
// a newer program; 500 for the application's own mistakes.
func ErrorStatus(err error) int {
	var failed *commit.StoreError
	var csrf *csrfError
	switch {
	case errors.As(err, &csrf):
		return csrf.status
	case errors.Is(err, ErrSignInRequired), errors.Is(err, ErrStepUpRequired):
		return http.StatusUnauthorized
	case errors.Is(err, ErrEnded), errors.Is(err, ErrConflict):
		return http.StatusConflict
	case errors.Is(err, ErrRefused):
		return http.StatusTooManyRequests
	case errors.Is(err, ErrTooManySessions), errors.Is(err, ErrCSRF):
		return http.StatusForbidden
	case errors.As(err, &failed), errors.Is(err, envelope.ErrNewerFormat):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// answer has Config.ErrorHandler answer. Should it name no status, the client
// must not take that for success.
func (m *Manager) answer(w http.ResponseWriter, r *http.Request, err error) {
	m.answerWith(&errorAnswer{ResponseWriter: w, m: m, err: err}, r)
}

// answerFor is answer in the place of a handler.
func (m *Manager) answerFor(w *response, err error) {
	m.answerWith(&errorAnswer{ResponseWriter: w.w, m: m, err: err, replaces: w}, w.r)
}

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
