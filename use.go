package session

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
)

// What counts as use of a session is decided here, and with it which times a
// write carries. A request counts, unless Config.Passive says otherwise; so do
// Touch and whatever gives the client another token. Edit does not.
//
// Use moves Seen to now, and Expires to the idle timeout from now. A write that does
// not count carries the times of the record that it replaces. Those may be older than
// the stored ones, because a touch moves times and no version: the store keeps the
// later ones, see [store.Store]. So no write brings the end of a session forward.

// countsLocked tells whether the commit of what is pending counts as use.
func (s *Session) countsLocked() bool { return !s.passive || s.newTokenLocked() }

// expires returns when a session that is used now ends, unless it is used again.
func (m *Manager) expires(own envelope.Lifetime, now, deadline envelope.Millis) envelope.Millis {
	idle := m.cfg.IdleTimeout
	if own := cmp.Or(own.Idle, own.Absolute); own != 0 {
		idle = min(own, m.cfg.MaxIdleTimeout)
	}
	return min(now.Add(idle), deadline)
}

// useDueLocked tells whether the use of a session by this request is still to be
// written.
func (s *Session) useDueLocked(now envelope.Millis) bool {
	return !s.passive && now.Sub(s.draft.Rec.Seen) >= s.m.cfg.TouchInterval
}

// endsTooSoon tells whether a session ends before its last use says: a use that was
// written while its lifetime was made longer has kept the end of before.
func (m *Manager) endsTooSoon(rec *change.Record, meta *envelope.Meta) bool {
	return rec.Expires < m.expires(meta.Lifetime, rec.Seen, rec.Deadline)
}

// keep writes the use of a session at once if it is about to expire: a handler may
// be slow, and must not lose the session under its hands.
func (m *Manager) keep(r *http.Request, s *Session) {
	left := s.draft.Rec.Expires.Sub(s.begun)
	if s.phase != stored || s.passive || m.keeper.writesWithCookie() || left >= max(m.cfg.TouchInterval, 2*m.cfg.CommitTimeout) {
		return
	}
	ctx := limit.Detach(r.Context(), m.cfg.CommitTimeout)
	defer ctx.Release()
	_ = m.touch(ctx, s, &s.draft, envelope.Truncate(time.Now())) // reported
}

// touch writes that a session was used, at most once per interval. A failure
// is reported.
func (m *Manager) touch(ctx context.Context, s *Session, d *change.Draft, now time.Time) error {
	rec, seen := &d.Rec, envelope.MillisOf(now)
	meta := d.Meta()
	if seen.Sub(rec.Seen) < m.cfg.TouchInterval && !m.endsTooSoon(rec, meta) {
		return nil
	}
	expires := m.expires(meta.Lifetime, seen, rec.Deadline)
	if err := store.Touch(ctx, m.store, commit.RecordOf(rec), now, expires.Time()); err != nil {
		s.mu.Lock()
		s.touchFailed = true // not to be tried twice in a request
		s.mu.Unlock()
		err = commit.Failed("touch", err)
		m.report(ctx, Event{Kind: EventTouchFailed, ID: rec.ID, Subject: rec.Subject, Err: err})
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draft.Rec.Version == rec.Version {
		s.draft.Rec.Seen, s.draft.Rec.Expires = seen, expires
	}
	return nil
}

// epoch is any time. Time since it is monotonic, and to ask for it costs half of
// what time.Now does, which has the wall clock to ask too.
var epoch = time.Now()
