package session

import (
	"errors"
	"net/http"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/mark"
	"github.com/b4468f51/session/internal/respond"
)

// Errors that callers branch on. They may be wrapped, so compare with
// [errors.Is].
var (
	// ErrNoSession is returned by a method that would change a nil Session.
	ErrNoSession = errors.New("session: there is no session in this context: " +
		"wrap the handler in Manager.Handler, and see that Config.Skip does not leave the request out")

	// ErrEnded is returned for a change that comes too late: since the request loaded
	// the session, it was destroyed, revoked or renewed, or has expired. Nothing of the
	// change was kept. Send the client back to where it can begin again. The default
	// answer is 409.
	ErrEnded = change.ErrEnded

	// ErrDone is returned for a change after the handler returned.
	ErrDone = life.ErrDone

	// ErrHeadersSent is returned for a change that needs a cookie when none can be sent
	// any more: the headers of the response have left, the connection is being
	// hijacked, or it was made in [Manager.Edit], where there is no client. Make the change, or call Save, before the
	// first byte.
	ErrHeadersSent = life.ErrHeadersSent

	// ErrTooLarge is returned for a change that would exceed Config.MaxSize, MaxValues
	// or MaxPending. The session is as it was before.
	ErrTooLarge = change.ErrTooLarge

	// ErrConflict is returned by a commit when another request was first to take or
	// replace a value that Pop took, or when others kept changing the session until the
	// attempts ran out. Nothing of the commit was kept, and the session shows what the
	// others have stored. The default answer is 409.
	ErrConflict = change.ErrConflict

	// ErrUndecodable is returned by [Key.Check] for a value that is not a T, as after a
	// deployment that changed the type. The Err of an [EventUndecodable] wraps it. All
	// other methods treat such a value as absent.
	ErrUndecodable = life.ErrUndecodable

	// ErrRefused is returned by a commit when Config.AdmitAnonymous refused a new
	// anonymous session. Nothing of the commit was kept. The default answer is 429.
	ErrRefused = life.ErrRefused

	// ErrTooManySessions is returned by the commit of a Login when Config.RefuseLogin is
	// set and the subject already has Config.MaxSessions. Nothing of the commit was
	// kept. Call Save after Login to tell the user. The default answer is 403.
	ErrTooManySessions = mark.ErrTooMany
)

// ErrorStatus suggests the HTTP status for an error of this package: 409
// Conflict for [ErrEnded] and [ErrConflict], which a repeated request may mend;
// 429 Too Many Requests for [ErrRefused]; 403 Forbidden for [ErrTooManySessions];
// 503 Service Unavailable where the store failed or the session was written by
// a newer program; 500 for the application's own mistakes.
//
// Any other error may name its status by a method Status() int, on itself or on an error that
// it wraps. Those of the packages guard and csrf do, and the error of an Update's function
// may. ErrorStatus ignores a status below 400 or above 599.
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

// Answer answers a request with an error by Config.ErrorHandler, as Handler does. It is for
// middleware that refuses requests. Nothing must have been written to w before. The status
// is that of [ErrorStatus] unless the ErrorHandler writes another. A nil Manager, for
// middleware that finds no session, gives the default answer.
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
