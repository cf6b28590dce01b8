package session

import (
	"errors"
	"net/http"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/respond"
)

// ErrorStatus suggests the HTTP status for an error of this package: 409
// Conflict for [ErrEnded] and [ErrConflict], which a repeated request may mend;
// 429 Too Many Requests for [ErrRefused]; 403 Forbidden for [ErrTooManySessions];
// 503 Service Unavailable where the store failed or the session was written by
// a newer program; 500 for the application's own mistakes.
//
// Any other error may name its status, by a method Status() int on it or on an error
// that it wraps: those of package guard do, and that of an Update's function
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
	m.answerWith(w, r, err, func(h http.Header) { m.carrier.Vary(h, new([1]string)) })
}

// answerWith is Answer with what is written into the header last: the page may be
// cacheable for all that its writer knows.
func (m *Manager) answerWith(w http.ResponseWriter, r *http.Request, err error, last func(http.Header)) {
	respond.Answer(w, ErrorStatus(err), last, func(w http.ResponseWriter) { m.cfg.ErrorHandler(w, r, err) })
}

// answerError is the default of Config.ErrorHandler. It tells the client no
// more than the status.
func answerError(w http.ResponseWriter, _ *http.Request, err error) {
	status := ErrorStatus(err)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}
