package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// load makes s the session of a request.
func (m *Manager) load(r *http.Request, s *Session) error {
	now := milli(time.Now())
	s.m, s.request, s.begun = m, r, now
	s.isNew = true
	s.draft.rec.Created = now
	found, different, total := m.cfg.readTokens(r.Header)
	if total == 0 {
		return nil
	}
	s.lapsed = true
	// A browser that keeps to the rules of the prefix has one such cookie. Of
	// other names it may have several, for different paths and domains, and
	// somebody on a sibling host may have planted one: neither order nor
	// number may decide, only that exactly one of them is good.
	if total > maxCandidates || total > 1 && m.cfg.onlyOne() {
		m.report(r.Context(), Event{Kind: EventDuplicate})
		return nil
	}
	ctx := limit(r.Context(), m.cfg.LoadTimeout)
	defer ctx.release()
	var good presentation
	var many bool
	for _, text := range found[:different] {
		p, err := m.present(ctx, text, now)
		if err != nil {
			return err
		}
		switch {
		case p.standing == standingUnknown:
		case good.standing == standingUnknown || good.standing == standingStale:
			good = p
		case p.standing != standingStale:
			many = true
		}
	}
	switch {
	case many:
		m.report(ctx, Event{Kind: EventDuplicate})
		return nil
	case good.standing == standingUnknown:
		return nil
	case good.standing == standingStale:
		m.report(ctx, Event{Kind: EventStale, ID: good.draft.rec.ID, Subject: good.draft.rec.Subject})
		killed := good.draft // copied, so that good does not escape
		s.ended, s.killed = true, &killed
		return nil
	}
	s.adopt(good.draft)
	s.presented, s.clientHas, s.lapsed = good.hash, true, false
	s.mayRotate = (m.cfg.RotateEvery > 0 || m.sealer != nil) && r.Header.Get("Upgrade") == ""
	if m.sealer != nil {
		s.reseal = good.reseal
		return nil
	}

	// A handler may be slow: it must not lose the session under its hands.
	left := s.draft.rec.Expires.Sub(now)
	if left < max(m.cfg.TouchInterval, 2*m.cfg.CommitTimeout) {
		_ = m.touch(ctx, s, s.draft.rec, &s.draft.meta, now) // reported
	}
	return nil
}

// adopt makes s the session of a stored record.
func (s *Session) adopt(d draft) {
	s.draft, s.generation, s.stored, s.isNew = d, d.meta.generation, true, false
}

// A presentation is what became of a token that a client presented.
type presentation struct {
	draft    draft
	hash     sid.Hash
	standing standing
	reseal   bool // Sealer.Open asks for another token
}

// present finds the session of what a cookie holds.
func (m *Manager) present(ctx context.Context, text string, now time.Time) (p presentation, err error) {
	var token sid.Token
	if m.sealer != nil {
		p, err = m.openSealed(ctx, text, now)
	} else if parsed, ok := sid.Parse(text); ok {
		token = parsed
		p, err = m.open(ctx, token, now)
	} else {
		m.report(ctx, Event{Kind: EventMalformed})
	}
	if err != nil {
		m.report(ctx, Event{Kind: EventLoadFailed, ID: token.ID, Err: err})
	}
	return p, err
}

// open finds the session of a token. What is not found, or not readable, is of
// unknown standing; an error means that nobody can tell.
func (m *Manager) open(ctx context.Context, token sid.Token, now time.Time) (presentation, error) {
	rec, err := m.loadRecord(ctx, token.ID, now)
	if errors.Is(err, store.ErrNotFound) {
		m.report(ctx, Event{Kind: EventUnknown, ID: token.ID})
		return presentation{}, nil
	}
	if err != nil {
		return presentation{}, storeFailed("load", err)
	}
	d, err := newDraft(rec)
	if errors.Is(err, errNewerFormat) {
		return presentation{}, err
	}
	if err != nil {
		m.report(ctx, Event{Kind: EventCorrupt, ID: rec.ID, Subject: rec.Subject, Err: corrupt(rec.ID, err)})
		return presentation{}, nil
	}
	p := presentation{draft: d, hash: token.Secret.Hash(m.cfg.Realm)}
	p.standing = d.meta.standing(p.hash, now)
	if p.standing == standingUnknown {
		m.report(ctx, Event{Kind: EventReused, ID: rec.ID, Subject: rec.Subject})
	}
	return p, nil
}
