package session

import (
	"context"
	"net/http"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
)

// What counts as use of a session is decided here: a request does, unless Config.Passive
// says otherwise, and so do Touch and whatever gives the client another token. Edit does
// not. What follows for the times of a session is in change.Rules.

// countsLocked tells whether the commit of what is pending counts as use.
func (s *Session) countsLocked() bool { return !s.passive || s.newTokenLocked() }

// useDueLocked tells whether the use of a session by this request is still to be
// written.
func (s *Session) useDueLocked(now envelope.Millis) bool {
	return !s.passive && s.m.rules.UseDue(&s.draft.Rec, now)
}

// keep writes the use of a session at once if it is about to expire: a handler may
// be slow, and must not lose the session under its hands.
func (m *Manager) keep(r *http.Request, s *Session) {
	left := s.draft.Rec.Expires.Sub(s.arrived)
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
	if !m.rules.UseDue(rec, seen) && !m.rules.EndsTooSoon(rec, meta) {
		return nil
	}
	seen, expires := m.rules.Times(rec, true, meta.Lifetime, seen, rec.Deadline)
	if err := store.Touch(ctx, m.store, commit.RecordOf(rec), now, expires.Time()); err != nil {
		s.mu.Lock()
		s.touchFailed = true
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
