package change

import "errors"

// The public package documents them.
var (
	ErrEnded    = errors.New("session: the session has ended: it was destroyed, revoked or renewed, or expired, while the request ran")
	ErrTooLarge = errors.New("session: the session is too large")
	ErrConflict = errors.New("session: other requests changed the session first")
)
