package session

import (
	"errors"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/mark"
)

// Errors that callers branch on. They may be wrapped, so compare with
// [errors.Is].
var (
	// ErrNoSession is returned by a method that would change a nil Session.
	ErrNoSession = errors.New("session: there is no session in this context: " +
		"wrap the handler in Manager.Handler, and see that Config.Skip does not leave the request out")

	// ErrEnded is returned where a change comes too late, because the session
	// was destroyed, revoked, renewed under another token or has expired since
	// the request loaded it. Nothing of the change was kept. Send the client
	// back to where it can begin again; the default answer is 409.
	ErrEnded = change.ErrEnded

	// ErrDone is returned for a change after the handler returned.
	ErrDone = errors.New("session: the handler has returned: use Manager.Edit for work in the background")

	// ErrHeadersSent is returned for a change that needs a cookie set where
	// none can be sent: the headers of the response have left, the connection
	// is being hijacked, or Edit runs without a client. Make the change, or
	// call Save, before the first byte.
	ErrHeadersSent = errors.New("session: no cookie can be sent, which this change needs: " +
		"make it in a request, before the first byte of the response")

	// ErrTooLarge is returned where a session would exceed Config.MaxSize,
	// MaxValues or MaxPending. The session is as it was before.
	ErrTooLarge = change.ErrTooLarge

	// ErrConflict is returned by a commit when a value that Pop took was taken
	// or replaced by another request first, or when others kept changing the
	// session until the attempts ran out. Nothing of the commit was kept, and the
	// session shows what the others have stored.
	ErrConflict = change.ErrConflict

	// ErrUndecodable is what [Key.Check] returns for a value that is no T, as after
	// a deploy that changed the type, and what the Err of an [EventUndecodable]
	// wraps. Everything else that reads treats such a value as absent.
	ErrUndecodable = errors.New("session: the value does not decode into the type that is wanted")

	// ErrRefused is returned by a commit when Config.AdmitAnonymous refused to
	// have an anonymous session stored. Nothing of the commit was kept; the
	// default answer is 429.
	ErrRefused = errors.New("session: no further anonymous session is stored for now")

	// ErrTooManySessions is returned by the commit of a Login when the subject has
	// Config.MaxSessions already and Config.RefuseLogin is set. Nothing of the
	// commit was kept. Call Save after Login to tell the user; the default answer
	// is 403.
	ErrTooManySessions = mark.ErrTooMany
)
