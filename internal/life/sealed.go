package life

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/mark"
	"github.com/b4468f51/session/store"
)

// A Sealer is the session.Sealer of package session, which says what its methods do.
type Sealer interface {
	Seal(ctx context.Context, scope string, rec store.Record) (token string, err error)
	Open(ctx context.Context, scope, token string) (rec store.Record, reseal bool, err error)
}

// MaxCookie is what browsers take of a cookie's name and value, in bytes
// (RFC 6265bis 5.6). What is larger they drop without a word.
const MaxCookie = 4096

func (inCookie) bySubject(op string) error { return inCookie{}.byID(op) }

func (inCookie) byID(op string) error {
	return fmt.Errorf("session: %s: the sessions are in their cookies, and cannot be looked up: %w", op, errors.ErrUnsupported)
}

func (k inCookie) present(ctx context.Context, token string, now time.Time, d *change.Draft) (p presentation, err error) {
	h := k.h
	if len(k.name)+len(token) > MaxCookie {
		h.Report(ctx, Event{Kind: Malformed})
		return p, nil
	}
	rec, reseal, err := k.sealer.Open(ctx, k.scope, token)
	if errors.Is(err, store.ErrNotFound) {
		h.Report(ctx, Event{Kind: Malformed})
		return p, nil
	}
	if err != nil {
		return p, commit.Failed("open", err)
	}
	p.id = rec.ID
	_, ours := h.Unscope(rec.Subject)
	if !commit.Alive(&rec, now) || rec.Seen.After(now.Add(mark.MaxSkew)) ||
		rec.Subject != "" && !ours {
		h.Report(ctx, Event{Kind: Unknown, ID: rec.ID})
		return p, nil
	}
	var meta envelope.Meta
	if ok, err := h.readDraft(ctx, &rec, d, &meta); !ok {
		return p, err
	}
	revoked, err := h.revoked(ctx, d)
	if err != nil {
		return p, err
	}
	if revoked {
		h.Report(ctx, Event{Kind: Unknown, ID: rec.ID, Subject: rec.Subject})
		return p, nil
	}
	p.standing, p.generation, p.reseal = envelope.Current, meta.Generation, reseal
	return p, nil
}

// revoked tells whether RevokeAll has ended a sealed session.
func (h *Host) revoked(ctx context.Context, d *change.Draft) (bool, error) {
	if h.store == nil || d.Subject() == "" {
		return false, nil
	}
	at, err := h.marks.NotBefore(ctx, d.Subject(), envelope.Truncate(time.Now()))
	return err == nil && !at.IsZero() && d.Meta().Authenticated <= at.UnixMilli(), err
}

// look tells whether a session may go on. There is nothing newer than its cookie to see, and
// no use to write.
func (inCookie) look(ctx context.Context, s *Session, _ bool) error {
	s.mu.Lock()
	d := s.draft.Share()
	s.mu.Unlock()
	revoked, err := s.host.revoked(ctx, &d)
	if err != nil || !revoked && time.Now().Before(d.Rec.Expires.Time()) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
	return change.ErrEnded
}

// presented returns nothing: a sealed session cannot be ended, only its cookie cleared.
func (inCookie) presented(context.Context, []string, time.Time) ([]ending, error) { return nil, nil }

// remove does nothing: all that can be done is to clear the cookie.
func (inCookie) remove(context.Context, store.ID) error { return nil }

// outrun is true of a sign-in and a reauthentication: they set a time of sign-in that is after
// the revocation, which would not end them then.
func (k inCookie) outrun(c *saving) bool {
	return k.h.store != nil && (c.signsIn() || c.has(change.Reauthenticate))
}

// revokeAll ends the sessions that were signed in until now. Nobody knows how many.
func (k inCookie) revokeAll(ctx context.Context, scoped string, caller *Session, _ store.ID, ended func(store.ID)) (int, error) {
	if k.h.store == nil {
		return 0, fmt.Errorf("session: revoke: Config.NotBefore is not set: %w", errors.ErrUnsupported)
	}
	if err := k.h.putNotBefore(ctx, scoped, caller); err != nil {
		return 0, err
	}
	ended(store.ID{})
	return 0, nil
}
