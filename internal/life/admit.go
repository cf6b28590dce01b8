package life

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/internal/mark"
	"github.com/b4468f51/session/store"
)

// admit returns an error if the commit may not write: because a visitor is not admitted, or the
// subject has too many sessions.
func (c *saving) admit() error {
	switch {
	case c.signsIn():
		if c.h.RefuseLogin {
			return c.reserve()
		}
	case !c.Stored && c.s.request != nil:
		if err := c.s.request.Admit(); err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return nil
}

func (c *saving) signsIn() bool { return c.has(change.Login) }

func (c *saving) has(kind change.Kind) bool {
	return slices.ContainsFunc(c.Ops, func(o change.Op) bool { return o.Kind == kind })
}

// loginInTime fails if the subject's sessions were revoked since the request began: the request
// may have checked the old password.
func (c *saving) loginInTime() error {
	if !c.h.keeper.outrun(c) {
		return nil
	}
	late, err := c.h.loginRevoked(c.Context, c.s, c.Draft.Subject())
	if err == nil && late {
		err = change.ErrEnded
	}
	return err
}

// outrun is true of a sign-in, which writes a record that the revocation did not list. Other
// commits find their record gone.
func (k inStore) outrun(c *saving) bool { return c.signsIn() && k.h.Accounts.Lists() }

// signedIn runs after a sign-in was written. RevokeAll writes the not-before and then lists. A
// sign-in writes its record and then reads the not-before. So one of them sees the other.
func (c *saving) signedIn(rec store.Record) error {
	if err := c.loginInTime(); err != nil {
		if errors.Is(err, change.ErrEnded) {
			// If this fails, the record stays, but nobody was given its token.
			_ = c.h.delete(c.Context, rec.ID)
		} else {
			c.InDoubt = true
		}
		return err
	}
	if c.h.RefuseLogin {
		return nil
	}
	return c.h.evict(c.Context, &rec)
}

// reserve takes a place for the session of a sign-in, or refuses it: see mark.Marks. One
// session may have to give way for it.
func (c *saving) reserve() error {
	scoped, own := c.Draft.Subject(), c.Draft.Rec.ID
	c.reserved = append(c.reserved, own)
	gives, err := c.h.marks.Reserve(c.Context, mark.Reservation{
		Subject: scoped, Max: c.h.MaxSessions, Session: own, Asked: c.reserved, Killed: c.Killed, Ends: c.endsToo,
		List: func(most int) ([]store.ID, error) { return c.h.sessionIDs(c.Context, scoped, most+len(c.ends), own) },
	}, c.Now)
	for _, id := range gives {
		c.endToo(ending{id, scoped})
	}
	return err
}

// sessionIDs returns the IDs of a subject's sessions: no more than most of them, and always one if
// it is the subject's.
func (h *Host) sessionIDs(ctx context.Context, scoped string, most int, one store.ID) ([]store.ID, error) {
	ids, all, err := h.Accounts.IDs(ctx, scoped, most)
	if err != nil || all || slices.Contains(ids, one) {
		return ids, err
	}
	rec, found, err := h.loadSession(ctx, one, envelope.Truncate(time.Now()))
	if found && rec.Subject == scoped {
		ids = append(ids, one)
	}
	return ids, err
}

// freePlaces gives the places that reserve took back.
func (c *saving) freePlaces() {
	if len(c.reserved) == 0 {
		return
	}
	subject := c.Draft.Subject()
	ctx := limit.Detach(c.Context, c.h.CommitTimeout) // the time of the commit may be over
	defer ctx.Release()
	if err := c.h.marks.Free(ctx, subject, c.reserved, c.Now); err != nil {
		c.h.Report(c.Context, Event{Kind: LimitFailed, ID: c.Draft.Rec.ID, Subject: subject, Err: err})
	}
}
