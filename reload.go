package session

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/store"
)

// Reload shows the newest state of the session, as others have committed it since
// the request began or last committed. What the request itself has pending stays
// on top of that. It returns [ErrEnded] where the session was destroyed, revoked or
// renewed elsewhere, or has expired.
//
// Reload costs one load, within Config.LoadTimeout, and writes nothing: it does not
// count as use. A session that is not stored yet has no newer state. Of a sealed one
// it tells no more than whether it has ended. Other errors are [ErrNoSession],
// [ErrDone], and those of the store, also where an earlier Save has left in doubt
// what is stored; the session is as it was then.
func (s *Session) Reload(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	s.committing.Lock()
	defer s.committing.Unlock()
	if stored, err := s.open(false); err != nil || !stored {
		return err
	}
	limited := limit(ctx, s.m.cfg.LoadTimeout)
	defer limited.release()
	if s.m.sealer != nil {
		return s.lookSealed(limited)
	}
	_, shown, err := s.look(limited, milli(time.Now()))
	if err == nil && !shown {
		err = storeFailed("reload", errInDoubt)
	}
	return err
}

// Touch keeps the session of a long stream alive, at most once per
// Config.TouchInterval, and returns [ErrEnded] when it was destroyed, revoked
// or renewed elsewhere, at the cost of one load. The session shows what was loaded,
// as after Reload. Touch counts as use in every request. It goes on when ctx is
// cancelled, within Config.CommitTimeout. A session that is not stored yet has
// nothing to keep.
func (s *Session) Touch(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	s.committing.Lock()
	defer s.committing.Unlock()
	if stored, err := s.open(true); err != nil || !stored {
		return err
	}
	limited, now := detach(ctx, s.m.cfg.CommitTimeout), milli(time.Now())
	defer limited.release()
	if s.m.sealer != nil {
		return s.lookSealed(limited)
	}
	newest, _, err := s.look(limited, now)
	if err != nil {
		return err
	}
	return s.m.touch(limited, s, &newest, now)
}

// errInDoubt is what Reload says while nobody can tell which of the pending changes
// are in the store already.
var errInDoubt = errors.New("what became of an earlier Save is not known: call Save to find out")

// look loads the newest state, and shows it with what is pending on top. Where a
// write is in doubt, which may have some of that in it, shown is false, and the
// session shows what it did before.
func (s *Session) look(ctx context.Context, now time.Time) (newest change.Draft, shown bool, err error) {
	s.mu.Lock()
	id, inDoubt, lowest := s.draft.Rec.ID, s.inDoubt != nil, s.generation
	highest := lowest
	if inDoubt {
		highest += kills(s.ops) // in the store they may be
	}
	s.mu.Unlock()
	rec, err := s.m.loadRecord(ctx, id, now)
	ok := false
	var meta envelope.Meta
	switch {
	case err == nil:
		ok, err = s.m.readDraft(ctx, &rec, &newest, &meta)
	case errors.Is(err, store.ErrNotFound):
		err = nil
	default:
		err = storeFailed("load", err)
	}
	switch {
	case err != nil:
		return newest, false, err
	case !ok || meta.Generation < lowest || meta.Generation > highest:
		s.mu.Lock()
		s.endLocked()
		s.mu.Unlock()
		return newest, false, ErrEnded
	case !inDoubt:
		s.show(newest)
	}
	return newest, !inDoubt, nil
}

// show makes a record of the session what it shows, under what is pending.
func (s *Session) show(newest change.Draft) {
	s.draft, s.quiet = s.lockWith(func() change.Draft { return newest }), false
	s.mu.Unlock()
}
