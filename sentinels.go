package session

import "errors"

// The public package documents them.
var (
	errEnded    = errors.New("session: the session has ended: it was destroyed, renewed or expired while the request ran")
	errTooLarge = errors.New("session: the session is too large")
	errConflict = errors.New("session: other requests changed the session first")
)
