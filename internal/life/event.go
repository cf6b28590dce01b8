package life

import "github.com/b4468f51/session/store"

// An Event is something that happened to a session, or was presented for one. It never
// holds a token or a secret.
type Event struct {
	Kind    string
	ID      store.ID // zero if it is unknown
	Subject string   // as the store has it
	Key     string
	Err     error
}

// Kinds of events. Package session says what they mean.
const (
	Created         = "created"
	Unannounced     = "unannounced"
	Login           = "login"
	Reauthenticated = "reauthenticated"
	Renewed         = "renewed"
	Rotated         = "rotated"
	Destroyed       = "destroyed"
	Revoked         = "revoked"
	Refused         = "refused"

	Malformed = "malformed token"
	Duplicate = "duplicate cookie"
	Unknown   = "unknown session"
	Stale     = "stale token"
	Reused    = "reused token"

	Corrupt      = "corrupt record"
	Undecodable  = "undecodable value"
	Unsaved      = "change not saved"
	LoadFailed   = "load failed"
	CommitFailed = "commit failed"
	RotateFailed = "rotation failed"
	TouchFailed  = "touch failed"
	LimitFailed  = "limit failed"
	WatchFailed  = "watch failed"
)
