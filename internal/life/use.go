package life

import (
	"context"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
)

// What counts as use of a session is decided here. A request does, unless it is passive. Touch
// does, and so does everything that gives the client another token. Edit does not: its session is
// passive, see Session.apart. What follows for the times of a session is decided in change.Rules.

// countsLocked tells whether the commit of what is pending counts as use.
func (s *Session) countsLocked() bool { return !s.passive || s.newTokenLocked() }

// useDueLocked tells whether the use of a session by this request is still to be
// written.
func (s *Session) useDueLocked(now envelope.Millis) bool {
	return !s.passive && s.host.Rules.UseDue(&s.draft.Rec, now)
}

// timesDueLocked tells whether the times of a session that nobody has changed are to be written:
// because of its use, or because it would end too soon.
func (s *Session) timesDueLocked(d *change.Draft, now envelope.Millis) bool {
	return s.useDueLocked(now) || !s.passive && s.host.Rules.EndsTooSoon(&d.Rec, d.Meta())
}

// Keep writes the use of a session at once if it is about to expire: it must not expire while a
// slow handler runs.
func (s *Session) Keep(ctx context.Context) {
	h := s.host
	left := s.draft.Rec.Expires.Sub(s.arrived)
	if s.phase != stored || s.passive || h.Sealed() || left >= max(h.Rules.Touch, 2*h.CommitTimeout) {
		return
	}
	limited := limit.Detach(ctx, h.CommitTimeout)
	defer limited.Release()
	_ = h.touch(limited, s, &s.draft, envelope.Truncate(time.Now())) // reported
}

// touch writes that a session was used, at most once per interval. A failure
// is reported.
func (h *Host) touch(ctx context.Context, s *Session, d *change.Draft, now time.Time) error {
	rec, seen := &d.Rec, envelope.MillisOf(now)
	meta := d.Meta()
	if !h.Rules.UseDue(rec, seen) && !h.Rules.EndsTooSoon(rec, meta) {
		return nil
	}
	seen, expires := h.Rules.Times(rec, true, meta.Lifetime, seen, rec.Deadline)
	if err := store.Touch(ctx, h.store, commit.RecordOf(rec), now, expires.Time()); err != nil {
		s.mu.Lock()
		s.touchFailed = true
		s.mu.Unlock()
		err = commit.Failed("touch", err)
		h.Report(ctx, Event{Kind: TouchFailed, ID: rec.ID, Subject: rec.Subject, Err: err})
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draft.Rec.Seen, s.draft.Rec.Expires = seen, expires
	return nil
}

// epoch is any time. time.Since(epoch) reads the monotonic clock alone, and costs half of what
// time.Now does, which reads the wall clock too.
var epoch = time.Now()
