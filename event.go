package session

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/b4468f51/session/internal/life"
)

// An Event is something that an operator may want to know. It never holds a token or a
// secret.
type Event struct {
	Kind    EventKind
	ID      ID     // of the session, zero where none is known
	Subject string // of the session, "" where it is anonymous or unknown
	Key     string // of the value, with EventUndecodable and EventUnsaved
	Err     error  // what went wrong, if anything did
}

// An EventKind says what happened. Its text is stable.
type EventKind string // internal/life has the same texts: a test holds that they agree

// The life of a session.
const (
	EventCreated         EventKind = "created"         // stored for the first time
	EventUnannounced     EventKind = "unannounced"     // an anonymous session, to a request that another site made: no cookie is set
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
	EventDuplicate EventKind = "duplicate cookie"   // several cookies of one name: somebody planted one. If Err is set, of the cookie of Session.Binding
	EventUnknown   EventKind = "unknown session"    // expired or ended, or never was; or a made-up secret for the ID of one that lives
	EventStale     EventKind = "stale token"        // replaced by Login, Renew or Reauthenticate less than Config.Grace ago
	EventForged    EventKind = "csrf token refused" // by package csrf, for the reason in Err: from another site, or an old form

	// EventReused reports a token that was valid for this live session, and was replaced
	// more than Config.Grace ago. Whoever presents it once had it: the client, from a
	// backup or after an answer was lost, or somebody who stole it. A session knows its
	// last 16 replaced tokens and those of the grace. An older one is an EventUnknown,
	// and so is one that somebody made up who knows the ID.
	EventReused EventKind = "reused token"
)

// What went wrong.
const (
	EventCorrupt      EventKind = "corrupt record"    // its client goes on with a new session
	EventUndecodable  EventKind = "undecodable value" // it counts as absent
	EventUnsaved      EventKind = "change not saved"  // Set or the like returned an error, and the answer is none: told once a request
	EventLoadFailed   EventKind = "load failed"       // answered with an error
	EventCommitFailed EventKind = "commit failed"     // answered with an error, or the response aborted
	EventRotateFailed EventKind = "rotation failed"   // tried again with the next request
	EventTouchFailed  EventKind = "touch failed"      // tried again with the next request
	EventLimitFailed  EventKind = "limit failed"      // of Config.MaxSessions: tried again at the next sign-in
	EventWatchFailed  EventKind = "watch failed"      // of Session.Watch: tried again, and told once until it succeeds
	EventGCFailed     EventKind = "collection failed" // tried again in the next round
	EventCookieLost   EventKind = "cookie lost"       // the browser drops it, or sends it elsewhere; told once a host, or a path
)

// Level returns how much an event matters to an operator. [LogEvent] logs it at this level.
// An error calls for action, a warning may be an attack or a mistake in the configuration,
// and the rest is at debug level.
func (e Event) Level() slog.Level {
	switch e.Kind {
	case EventLoadFailed, EventCommitFailed, EventCorrupt:
		return slog.LevelError
	case EventDuplicate, EventForged, EventReused, EventUndecodable, EventUnsaved, EventRotateFailed, EventTouchFailed, EventLimitFailed, EventWatchFailed, EventGCFailed,
		EventCookieLost:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}

// LogEvent logs an event to [slog.Default], at its level. It is the default of
// Config.Observer, and an Observer of your own may call it. It leaves the subject out,
// because the names of users may not belong in a log. Anybody can cause some of the
// warnings: of those it writes ten of each kind a minute, and then how many it left out.
func LogEvent(ctx context.Context, e Event) {
	level := e.Level()
	if !slog.Default().Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 4)
	if s := samplers[e.Kind]; s != nil {
		ok, left := s.pass(time.Now())
		if !ok {
			return
		}
		if left > 0 {
			attrs = append(attrs, slog.Int("left_out", left))
		}
	}
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

// Report tells Config.Observer of an event. It is for packages that build on this one. They
// may have kinds of their own, which LogEvent logs at debug level. The Subject is the
// application's name for it, as [Session.Subject] returns it. See the example of
// [Manager.Answer].
func (m *Manager) Report(ctx context.Context, e Event) { m.cfg.Observer(ctx, e) }

// report is Report of an event whose Subject is as the store has it.
func (m *Manager) report(ctx context.Context, e Event) {
	e.Subject, _ = m.host.Unscope(e.Subject) // another realm's is none of ours
	m.Report(ctx, e)
}

// reportLife reports what happened in the life of a session.
func (m *Manager) reportLife(ctx context.Context, e life.Event) {
	m.report(ctx, Event{Kind: EventKind(e.Kind), ID: e.ID, Subject: e.Subject, Key: e.Key, Err: e.Err})
}

// maxLines is how many lines a minute the log gets at most of each kind of event
// that anybody can cause with requests of their own.
const maxLines = 10

// A sampler passes maxLines a minute, and counts the rest.
type sampler struct {
	mu     sync.Mutex
	minute int64
	passed int
	left   int
}

// samplers are those of the process, as its log is.
var samplers = map[EventKind]*sampler{
	EventCorrupt:     new(sampler),
	EventDuplicate:   new(sampler),
	EventForged:      new(sampler),
	EventReused:      new(sampler),
	EventUndecodable: new(sampler),
	EventUnsaved:     new(sampler),
}

// pass tells whether a line may be written, and how many were left out before it.
func (s *sampler) pass(now time.Time) (ok bool, left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if minute := now.Unix() / 60; minute != s.minute {
		s.minute, s.passed = minute, 0
	}
	if s.passed == maxLines {
		s.left++
		return false, 0
	}
	s.passed++
	left, s.left = s.left, 0
	return true, left
}
