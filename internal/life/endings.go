package life

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// An ending is a session that is to end.
type ending struct {
	id      store.ID
	subject string // as the store has it
}

// Destroy ends the session, and those of the other good tokens of the request, and calls
// told before it reports them.
func (s *Session) Destroy(ctx context.Context, told func()) error {
	s.takeTurn()
	defer s.endTurn()
	s.mu.Lock()
	err := s.refusalLocked()
	if s.phase == failed {
		err = nil // there is nothing to guess: whatever was written goes
	}
	late := s.host.Sealed() && s.phase == stored && s.headersSent // the cookie is all there is to remove
	s.used = true
	s.mu.Unlock()
	switch {
	case err != nil:
		return err
	case late:
		return ErrHeadersSent
	}
	limited := limit.Detach(ctx, s.host.CommitTimeout)
	defer limited.Release()
	ends, err := s.endings(limited, envelope.Truncate(time.Now()), true)
	for _, e := range ends {
		err = errors.Join(err, s.host.keeper.remove(limited, e.id))
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.resetLocked()
	s.mu.Unlock()
	told()
	for _, e := range ends {
		s.host.ended(ctx, Destroyed, e)
	}
	return nil
}

// ended reports the end of a session that somebody has brought about: Destroyed or Revoked. The zero
// ID stands for all that a revocation of sealed sessions has ended.
func (h *Host) ended(ctx context.Context, kind string, e ending) {
	h.Report(ctx, Event{Kind: kind, ID: e.id, Subject: e.subject})
}

// endings returns the sessions that a sign-in ends, and with itself the session too. If the
// request brought several tokens, it asks the store whose they are.
func (s *Session) endings(ctx context.Context, now time.Time, itself bool) ([]ending, error) {
	if err := s.findSeveral(ctx, now); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ends []ending
	if p := s.anyPastLocked(); p != nil {
		ends = slices.Concat(p.others, p.left)
	}
	if itself && s.phase != fresh && !slices.ContainsFunc(ends, func(e ending) bool { return e.id == s.draft.Rec.ID }) {
		ends = append(ends, ending{s.draft.Rec.ID, s.draft.Rec.Subject})
	}
	return ends, nil
}

// findSeveral finds the sessions of the several tokens that the request brought, once.
func (s *Session) findSeveral(ctx context.Context, now time.Time) error {
	s.mu.Lock()
	var tokens []string
	if p := s.anyPastLocked(); p != nil {
		tokens = p.several
	}
	s.mu.Unlock()
	if len(tokens) == 0 {
		return nil
	}
	others, err := s.host.keeper.presented(ctx, tokens, now)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.with = withSeveralEnded
	p := s.pastLocked()
	p.several, p.others = nil, others
	return nil
}

// maxPresented bounds the records that are loaded to find the sessions of one request. No
// browser keeps more cookies for one site. So an attacker who plants as many as the browser
// keeps cannot make us overlook one.
const maxPresented = 200

func (k inStore) presented(ctx context.Context, tokens []string, now time.Time) ([]ending, error) {
	h := k.h
	var found []ending
	looked := 0
	for _, text := range tokens {
		token, ok := sid.Parse(text)
		known := slices.ContainsFunc(found, func(e ending) bool { return e.id == token.ID })
		if !ok || known || looked == maxPresented {
			continue
		}
		looked++
		rec, live, err := h.loadSession(ctx, token.ID, now)
		if err != nil {
			return nil, err
		}
		if !live {
			continue
		}
		meta, err := h.ReadMeta(ctx, &rec)
		if errors.Is(err, envelope.ErrCorrupt) {
			continue // it is nobody's
		}
		if err != nil {
			return nil, err
		}
		switch meta.Standing(token.Secret.Hash(h.Realm), now) {
		case envelope.Current, envelope.Pending, envelope.Retiring:
			found = append(found, ending{rec.ID, rec.Subject})
		}
	}
	return found, nil
}

// endsToo tells whether a session gives way to the one of this sign-in.
func (c *saving) endsToo(id store.ID) bool {
	return slices.ContainsFunc(c.ends, func(e ending) bool { return e.id == id })
}

// killedID returns the ID of the session whose killed token the request came with.
func (s *Session) killedID() store.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.anyPastLocked()
	if p == nil || p.killed == nil {
		return store.ID{}
	}
	return p.killed.Rec.ID
}

// endToo makes one more session give way, in the next attempt too.
func (c *saving) endToo(e ending) {
	c.ends = append(c.ends, e)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	p := c.s.pastLocked()
	p.others = append(p.others, e)
}

// endOthers ends the sessions that give way to a sign-in. It runs before the sign-in is
// written: whatever fails, nobody is signed in twice.
func (c *saving) endOthers() error {
	if c.over < len(c.ends) {
		c.s.mu.Lock()
		c.s.pastLocked().over = true
		c.s.mu.Unlock()
	}
	for ; c.over < len(c.ends); c.over++ {
		old := c.ends[c.over]
		if err := c.h.keeper.remove(c.Context, old.id); err != nil {
			return err
		}
		c.forgetEnding(old.id)
		c.h.ended(c.Context, Revoked, old)
	}
	return nil
}

// forgetEnding is called when a session has ended. The next attempt does not end it again.
func (c *saving) forgetEnding(id store.ID) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	of := func(e ending) bool { return e.id == id }
	p := c.s.pastLocked()
	p.left, p.others = slices.DeleteFunc(p.left, of), slices.DeleteFunc(p.others, of)
}
