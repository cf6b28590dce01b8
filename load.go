package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/b4468f51/session/internal/carrier"
	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// load makes s the session of a request, and writes nothing. The store is asked
// with ctx, which is to be the zero one.
func (m *Manager) load(r *http.Request, s *Session, ctx *limit.Context) error {
	clock := time.Now()
	now := envelope.Truncate(clock)
	s.m, s.request, s.arrived, s.arrivedMono = m, r, envelope.MillisOf(now), clock.Sub(epoch)
	s.isNew = true
	s.passive = m.cfg.Passive != nil && m.cfg.Passive(r)
	s.draft.Rec.Created = s.arrived
	found, different, total := m.carrier.Read(r.Header)
	if total == 0 {
		return nil
	}
	s.used = true // whatever the handler does with it, the response may depend on the token
	m.lost.CameBack(r)
	// A browser that keeps to the rules of the prefix has one such cookie. Of
	// other names it may have several, for different paths and domains, and
	// somebody on a sibling host may have planted one: neither order nor
	// number may decide, only that exactly one of them is good.
	if total > carrier.MaxCandidates || total > 1 && m.carrier.OnlyOne() {
		s.with, s.clientHas = withSeveral, true
		m.report(r.Context(), Event{Kind: EventDuplicate})
		return nil
	}
	ctx.Start(r.Context(), clock, m.cfg.LoadTimeout)
	defer ctx.Release()
	good, err := m.choose(ctx, found[:different], now, &s.draft)
	if err != nil {
		return err
	}
	switch good.standing {
	case envelope.Unknown:
		s.with, s.clientHas = withDead, true
		if good.several {
			s.with = withSeveral
		}
		s.draft = change.Begin(ID{}, s.arrived)
		return nil
	case envelope.Stale:
		killed := *good.draft
		m.report(ctx, Event{Kind: EventStale, ID: killed.Rec.ID, Subject: killed.Rec.Subject})
		s.with = withKilled
		s.toLocked(ended)
		s.past = &past{killed: &killed}
		s.draft = change.Begin(ID{}, s.arrived)
		return nil
	}
	if good.draft != &s.draft {
		s.draft = *good.draft
	}
	s.adoptLocked(good.generation)
	s.presented, s.quiet, s.clientHas, s.with = good.hash, good.quiet, true, withGood
	s.mayRotate = (m.cfg.RotateEvery > 0 || m.keeper.writesWithCookie()) && r.Header.Get("Upgrade") == ""
	s.reseal = good.reseal
	return nil
}

// A presentation is what became of a token that a client presented.
type presentation struct {
	id         ID // that was presented, as far as there is one
	draft      *change.Draft
	hash       sid.Hash
	standing   envelope.Standing
	generation uint64
	quiet      bool // there is nothing to do with the secrets, nor with the times before they are due
	reseal     bool // Sealer.Open asks for another token
	several    bool // another one is good as well
}

// choose returns the one good presentation of several texts, or, where there
// is none, one that is stale; else it is of unknown standing. In most requests
// there is one text, and its draft is made where d is.
func (m *Manager) choose(ctx context.Context, texts []string, now time.Time, d *change.Draft) (good presentation, err error) {
	if good, err = m.present(ctx, texts[0], now, d); err != nil {
		return good, err
	}
	for _, text := range texts[1:] {
		p, err := m.present(ctx, text, now, new(change.Draft))
		if err != nil {
			return good, err
		}
		switch {
		case p.standing == envelope.Unknown:
		case good.standing == envelope.Unknown || good.standing == envelope.Stale:
			good = p
		case p.standing != envelope.Stale:
			good.several = true
		}
	}
	if good.several {
		m.report(ctx, Event{Kind: EventDuplicate})
		good.standing = envelope.Unknown
	}
	return good, nil
}

// present finds the session of what a client presented. An error is reported.
func (m *Manager) present(ctx context.Context, text string, now time.Time, d *change.Draft) (presentation, error) {
	p, err := m.keeper.present(ctx, text, now, d)
	if err != nil && ctx.Err() != context.Canceled { // else the client has hung up
		m.report(ctx, Event{Kind: EventLoadFailed, ID: p.id, Err: err})
	}
	p.draft = d
	return p, err
}

func (k inStore) present(ctx context.Context, text string, now time.Time, d *change.Draft) (p presentation, err error) {
	m := k.m
	token, ok := sid.Parse(text)
	if !ok {
		m.report(ctx, Event{Kind: EventMalformed})
		return p, nil
	}
	p.id = token.ID
	rec, found, err := m.loadSession(ctx, token.ID, now)
	if err != nil {
		return p, err
	}
	if !found {
		m.report(ctx, Event{Kind: EventUnknown, ID: token.ID})
		return p, nil
	}
	var meta envelope.Meta
	if ok, err := m.readDraft(ctx, &rec, d, &meta); !ok {
		return p, err
	}
	p.hash = token.Secret.Hash(m.cfg.realm())
	p.standing, p.generation = meta.Standing(p.hash, now), meta.Generation
	p.quiet = p.standing != envelope.Pending && !meta.RotationDue(now, m.cfg.RotateEvery, m.cfg.Grace) &&
		!m.rules.EndsTooSoon(&d.Rec, &meta)
	switch {
	case p.standing != envelope.Unknown:
	case meta.Replaced(p.hash):
		m.report(ctx, Event{Kind: EventReused, ID: rec.ID, Subject: rec.Subject})
	default: // it says nothing about the session: IDs are public
		m.report(ctx, Event{Kind: EventUnknown, ID: rec.ID})
	}
	return p, nil
}

// readDraft reads the record of a client. It is false for one that is corrupt,
// which it reports, and for one of a newer format, which is an error.
func (m *Manager) readDraft(ctx context.Context, rec *store.Record, d *change.Draft, meta *envelope.Meta) (bool, error) {
	err := d.Read(commit.SavedOf(rec), meta)
	if err != nil {
		err = m.unreadable(ctx, rec, err)
	}
	if errors.Is(err, envelope.ErrCorrupt) {
		return false, nil
	}
	return err == nil, err
}

// readMeta reads the metadata of a record alone.
func (m *Manager) readMeta(ctx context.Context, rec *store.Record) (envelope.Meta, error) {
	meta, err := envelope.DecodeMeta(rec.Data)
	if err != nil {
		err = m.unreadable(ctx, rec, err)
	}
	return meta, err
}

// unreadable says which record it was that did not decode. Whoever meets one that
// is corrupt reports it.
func (m *Manager) unreadable(ctx context.Context, rec *store.Record, err error) error {
	err = fmt.Errorf("session: record %v: %w", rec.ID, err)
	if errors.Is(err, envelope.ErrCorrupt) {
		m.report(ctx, Event{Kind: EventCorrupt, ID: rec.ID, Subject: rec.Subject, Err: err})
	}
	return err
}
