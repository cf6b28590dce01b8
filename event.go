package session

import (
	"context"
	"log/slog"
)

// An Event is something that an operator may want to know of. It never holds a
// token or a secret.
type Event struct {
	Kind    EventKind
	ID      ID     // of the session, zero where none is known
	Subject string // of the session, "" where it is anonymous or unknown
	Key     string // of the value, with EventUndecodable
	Err     error  // what went wrong, if anything did
}

// An EventKind says what happened. Its text is stable.
type EventKind string

// The life of a session.
const (
	EventCreated         EventKind = "created"         // stored for the first time
	EventLogin           EventKind = "login"           // bound to a subject, under a new token
	EventReauthenticated EventKind = "reauthenticated" // under a new token
	EventRenewed         EventKind = "renewed"         // under a new token
	EventRotated         EventKind = "rotated"         // a new token was issued; the old one is good until it is confirmed
	EventDestroyed       EventKind = "destroyed"       // by Session.Destroy or Manager.Destroy: one for each
	EventRevoked         EventKind = "revoked"         // by Manager.Revoke and its like, by Config.MaxSessions, or by a Login that took its place
	EventRefused         EventKind = "refused"         // not stored: by Config.AdmitAnonymous or RefuseLogin
)

// What clients present. But for EventForged, the request is treated as anonymous.
const (
	EventMalformed EventKind = "malformed token"    // a cookie that no server wrote
	EventDuplicate EventKind = "duplicate cookie"   // several cookies of the name: somebody planted one
	EventUnknown   EventKind = "unknown session"    // expired or ended, or never was
	EventStale     EventKind = "stale token"        // replaced by Login or Renew less than Config.Grace ago
	EventForged    EventKind = "csrf token refused" // by RequireCSRF, which answers 403: from another site, or an old form
	EventReused    EventKind = "reused token"       // a live session, but not its token: one replaced long ago, or stolen
)

// What went wrong.
const (
	EventCorrupt      EventKind = "corrupt record"    // its client goes on with a new session
	EventUndecodable  EventKind = "undecodable value" // it counts as absent
	EventLoadFailed   EventKind = "load failed"       // answered with an error
	EventCommitFailed EventKind = "commit failed"     // answered with an error, or the response aborted
	EventRotateFailed EventKind = "rotation failed"   // tried again with the next request
	EventTouchFailed  EventKind = "touch failed"      // tried again with the next request
	EventLimitFailed  EventKind = "limit failed"      // of Config.MaxSessions: tried again at the next sign-in
	EventGCFailed     EventKind = "collection failed" // tried again in the next round
)

// level is how the default observer logs an event: what an operator has to act
// on as an error, what may be an attack as a warning.
func (k EventKind) level() slog.Level {
	switch k {
	case EventLoadFailed, EventCommitFailed, EventCorrupt:
		return slog.LevelError
	case EventDuplicate, EventReused, EventUndecodable, EventRotateFailed, EventTouchFailed, EventLimitFailed, EventGCFailed:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}

// logEvent is the default of Config.Observer. It leaves the subject out: what
// the application names its users by may not belong in a log.
func logEvent(ctx context.Context, e Event) {
	level := e.Kind.level()
	if !slog.Default().Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 3)
	if !e.ID.IsZero() {
		attrs = append(attrs, slog.String("session", e.ID.String()))
	}
	if e.Key != "" {
		attrs = append(attrs, slog.String("key", e.Key))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err))
	}
	slog.LogAttrs(ctx, level, "session: "+string(e.Kind), attrs...)
}

func (m *Manager) report(ctx context.Context, e Event) {
	e.Subject, _ = m.cutSubject(e.Subject) // another realm's is none of ours
	m.cfg.Observer(ctx, e)
}
