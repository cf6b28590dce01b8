package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/carrier"
	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
)

// The not-before of a subject is when RevokeAll was last called for it: sealed
// sessions that were signed in until then are over, and a sign-in by a request
// that began until then fails. It stands in a record of its own, which belongs to
// no subject and is no session.

// notBeforeID returns the ID of that record, for a subject as the store has it.
func notBeforeID(scoped string) ID {
	sum := sha256.Sum256([]byte("session not-before\x00" + scoped))
	return ID(sum[:len(ID{})])
}

// notBeforeHead begins the data of the record, before the time in Unix
// milliseconds. It is no envelope of any format, so that no session is ever made
// of the record. The field Seen will not do for the time: no Save moves it back.
const notBeforeHead = "\x00not-before"

func encodeNotBefore(t time.Time) []byte {
	return binary.LittleEndian.AppendUint64([]byte(notBeforeHead), uint64(t.UnixMilli()))
}

func decodeNotBefore(data []byte) time.Time {
	data, ok := bytes.CutPrefix(data, []byte(notBeforeHead))
	if !ok || len(data) != 8 {
		return time.Time{}
	}
	return time.UnixMilli(int64(binary.LittleEndian.Uint64(data))).UTC()
}

// isMark tells whether a record is a not-before or a quota. Whoever knows a
// subject can work out their IDs, and is not to be told from one who guesses, nor
// to have operators look for what is corrupt.
func isMark(data []byte) bool {
	return bytes.HasPrefix(data, []byte(notBeforeHead)) || bytes.HasPrefix(data, []byte(quotaHead))
}

// markExpires returns when a mark of now can be forgotten: no session outlives it,
// not even one that was sealed while Config.MaxLifetime was longer.
func (m *Manager) markExpires(now time.Time) time.Time {
	return now.Add(max(m.cfg.MaxLifetime, carrier.MaxAge))
}

// notBefore returns the not-before of a subject, and the zero Time where there is
// none.
//
// One that is ahead by more than maxSkew is from a clock that was wrong. All that
// is known of it is that it was written before now, so that it becomes now: left as
// it is, or read as now each time, it would keep its subject out until then.
func (m *Manager) notBefore(ctx context.Context, scoped string) (time.Time, error) {
	id := notBeforeID(scoped)
	rec, err := m.store.Load(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, commit.Failed("load", err)
	}
	at := decodeNotBefore(rec.Data)
	now := envelope.Truncate(time.Now())
	if tooFarAhead(at, now) {
		_, _ = m.setNotBefore(ctx, id, now) // should it fail, the next one to read it tries again
		at = now
	}
	return at, nil
}

func tooFarAhead(t, now time.Time) bool { return t.After(now.Add(maxSkew)) }

// revoked tells whether RevokeAll has ended a sealed session.
func (m *Manager) revoked(ctx context.Context, d *change.Draft) (bool, error) {
	if m.store == nil || d.Subject() == "" {
		return false, nil
	}
	at, err := m.notBefore(ctx, d.Subject())
	return err == nil && !at.IsZero() && d.Meta().Authenticated <= at.UnixMilli(), err
}

// putNotBefore makes the not-before of a subject now. It spares the sign-in of
// the request that calls it, if there is one.
func (m *Manager) putNotBefore(parent context.Context, scoped string, caller *Session) error {
	ctx := limit.Detach(parent, m.cfg.CommitTimeout)
	defer ctx.Release()
	now := envelope.Truncate(time.Now())
	last, err := m.setNotBefore(ctx, notBeforeID(scoped), now)
	if err != nil {
		return commit.Failed("revoke", err)
	}
	if caller != nil {
		caller.mu.Lock()
		if envelope.MillisOf(last) < caller.begun || caller.spares(scoped, last) {
			caller.spared = &spared{scoped, now.UnixMilli()}
		}
		caller.mu.Unlock()
	}
	// A request that comes next, or a sign-in in the same handler, is not to
	// count as one of this millisecond.
	time.Sleep(time.Until(now.Add(time.Millisecond)))
	return nil
}

// A spared is the not-before of a subject that a request has put itself: its
// own sign-in comes after it.
type spared struct {
	subject   string
	notBefore int64 // Unix milliseconds
}

// loginRevoked tells whether the sign-in of a subject has come too late: its
// request began before a RevokeAll, and so may have checked an old password.
func (m *Manager) loginRevoked(ctx context.Context, s *Session, scoped string) (bool, error) {
	at, err := m.notBefore(ctx, scoped)
	if err != nil || at.IsZero() {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return envelope.MillisOf(at) >= s.begun && !s.spares(scoped, at), nil
}

// spares tells whether this request has put a not-before itself.
func (s *Session) spares(scoped string, notBefore time.Time) bool {
	return s.spared != nil && *s.spared == spared{scoped, notBefore.UnixMilli()}
}

// setNotBefore moves a not-before forward, and back only from where none can be,
// and returns what it was: the zero Time where there was none. One that stands
// where it should is written again: only a write has the store vouch for it, see
// [store.ErrUnconfirmed].
func (m *Manager) setNotBefore(ctx context.Context, id ID, now time.Time) (last time.Time, err error) {
	expires := m.markExpires(now)
	for range commit.MaxAttempts {
		rec := store.Record{
			ID: id, Version: m.engine.NewVersion(), Seen: now,
			Expires: expires, Deadline: expires, Data: encodeNotBefore(now),
		}
		old, loadErr := m.store.Load(ctx, id)
		switch {
		case loadErr == nil:
			last = decodeNotBefore(old.Data)
			if tooFarAhead(last, now) {
				last = now
			}
			if last.After(now) {
				rec.Data = encodeNotBefore(last)
			}
			err = m.store.Save(ctx, rec, old.Version)
		case errors.Is(loadErr, store.ErrNotFound):
			err = m.store.Create(ctx, rec)
		default:
			return last, loadErr
		}
		if !commit.Refused(err) {
			return last, err
		}
	}
	return last, err
}
