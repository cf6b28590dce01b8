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

// answer has Config.ErrorHandler answer where no handler has run. Should it name no
// status, the client must not take that for success.
func (m *Manager) answer(w http.ResponseWriter, r *http.Request, err error) {
	m.answerWith(w, r, err, func(h http.Header) { m.carrier.Vary(h, new([1]string)) })
}

// answerWith is answer with what is written into the header last: the page may be
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
