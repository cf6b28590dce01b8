package life

import "errors"

// Errors that package session hands on: it says when they are returned.
var (
	ErrDone        = errors.New("session: the handler has returned: use Manager.Edit for work in the background")
	ErrHeadersSent = errors.New("session: no cookie can be sent, which this change needs: " +
		"make it in a request, before the first byte of the response")
	ErrUndecodable = errors.New("session: the value does not decode into the type that is wanted")
	ErrRefused     = errors.New("session: no further anonymous session is stored for now")
)

// ErrHandedOver is the ErrHeadersSent of a connection that is to be handed over.
var ErrHandedOver error = handedOverError{}

type handedOverError struct{}

func (handedOverError) Error() string {
	return "session: a cookie has to be set, and the header is lost when the connection is handed over: " +
		"have it set by a request before; or leave this path out with Config.Skip, call Manager.Start, " +
		"and give its header w.Header() to the upgrade"
}

func (handedOverError) Is(target error) bool { return target == ErrHeadersSent }

// errNotStored is returned for what looks at the store for a session that is not there yet.
var errNotStored = errors.New("session: the session is not stored yet, and nobody else can end it: Save it first")

// errViewed is returned for a change in View.
var errViewed = errors.New("session: View shows the session and changes nothing: use Manager.Edit")
