package life

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// A Visitor is a request whose session is to be loaded.
type Visitor struct {
	Request Request
	Time    time.Time // when the request began
	Refused bool      // there are more than a client that keeps to the rules has
	Passive bool      // the request is no sign of life from the client
	Upgrade bool      // it asks for another protocol, whose answer may lose a cookie
}

// Load makes the zero Session that of a request, and writes nothing. The tokens are the
// different ones that the request carries, as far as they are looked at. The store is asked
// with ctx, which is the zero one.
func (s *Session) Load(h *Host, r *Visitor, tokens []string, ctx *limit.Context) error {
	s.host, s.request, s.arrived, s.arrivedMono = h, r.Request, envelope.MillisOf(r.Time), r.Time.Sub(epoch)
	s.isNew = true
	s.passive = r.Passive
	s.draft.Rec.Created = s.arrived
	if len(tokens) == 0 {
		return nil
	}
	s.used = true // whatever the handler does with it, the response may depend on the token
	if r.Refused {
		s.broughtSeveral(r.Request.Tokens())
		h.Report(r.Request.Context(), Event{Kind: Duplicate})
		return nil
	}
	ctx.Start(r.Request.Context(), r.Time, h.LoadTimeout)
	defer ctx.Release()
	good, err := h.choose(ctx, tokens, s.arrived.Time(), &s.draft)
	if err != nil {
		return err
	}
	switch good.standing {
	case envelope.Unknown:
		s.with, s.clientHas = withDead, true
		if good.several {
			s.broughtSeveral(r.Request.Tokens())
		}
		s.draft = change.Begin(store.ID{}, s.arrived)
		return nil
	case envelope.Stale:
		killed := *good.draft
		h.Report(ctx, Event{Kind: Stale, ID: killed.Rec.ID, Subject: killed.Rec.Subject})
		s.with = withKilled
		s.toLocked(ended)
		s.pastLocked().killed = &killed
		s.draft = change.Begin(store.ID{}, s.arrived)
		return nil
	}
	if good.draft != &s.draft {
		s.draft = *good.draft
	}
	s.adoptLocked(good.generation)
	s.presented, s.quiet, s.clientHas, s.with = good.hash, good.quiet, true, withGood
	s.mayRotate = (h.RotateEvery > 0 || h.Sealed()) && !r.Upgrade
	s.reseal = good.reseal
	return nil
}

// broughtSeveral is for a request with several tokens of which none can be taken.
func (s *Session) broughtSeveral(tokens []string) {
	s.with, s.clientHas = withSeveral, true
	s.pastLocked().several = tokens
}

// A presentation is what became of a token that a client presented.
type presentation struct {
	id         store.ID // that was presented, as far as there is one
	draft      *change.Draft
	hash       sid.Hash
	standing   envelope.Standing
	generation uint64
	quiet      bool // there is nothing to do with the secrets, nor with the times before they are due
	reseal     bool // Sealer.Open asks for another token
	several    bool // another one is good as well
}

// choose returns the one valid presentation of several texts. If there is none it returns one
// that is stale, or else one of unknown standing. Most requests have one text, and its draft
// is made in d.
func (h *Host) choose(ctx context.Context, texts []string, now time.Time, d *change.Draft) (good presentation, err error) {
	if good, err = h.present(ctx, texts[0], now, d); err != nil {
		return good, err
	}
	for _, text := range texts[1:] {
		p, err := h.present(ctx, text, now, new(change.Draft))
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
		h.Report(ctx, Event{Kind: Duplicate})
		good.standing = envelope.Unknown
	}
	return good, nil
}

// present finds the session of a token, and reports an error.
func (h *Host) present(ctx context.Context, text string, now time.Time, d *change.Draft) (presentation, error) {
	p, err := h.keeper.present(ctx, text, now, d)
	if err != nil && ctx.Err() != context.Canceled { // else the client has hung up
		h.Report(ctx, Event{Kind: LoadFailed, ID: p.id, Err: err})
	}
	p.draft = d
	return p, err
}

func (k inStore) present(ctx context.Context, text string, now time.Time, d *change.Draft) (p presentation, err error) {
	h := k.h
	token, ok := sid.Parse(text)
	if !ok {
		h.Report(ctx, Event{Kind: Malformed})
		return p, nil
	}
	p.id = token.ID
	rec, found, err := h.loadSession(ctx, token.ID, now)
	if err != nil {
		return p, err
	}
	if !found {
		h.Report(ctx, Event{Kind: Unknown, ID: token.ID})
		return p, nil
	}
	var meta envelope.Meta
	if ok, err := h.readDraft(ctx, &rec, d, &meta); !ok {
		return p, err
	}
	p.hash = token.Secret.Hash(h.Realm)
	p.standing, p.generation = meta.Standing(p.hash, now), meta.Generation
	p.quiet = p.standing != envelope.Pending && !meta.RotationDue(now, h.RotateEvery, h.Rules.Grace) &&
		!h.Rules.EndsTooSoon(&d.Rec, &meta)
	switch {
	case p.standing != envelope.Unknown:
	case meta.Replaced(p.hash):
		h.Report(ctx, Event{Kind: Reused, ID: rec.ID, Subject: rec.Subject})
	default: // it says nothing about the session: IDs are public
		h.Report(ctx, Event{Kind: Unknown, ID: rec.ID})
	}
	return p, nil
}

// readDraft reads the record of a client. It returns false for a corrupt record, which it
// reports, and an error for a record of a newer format.
func (h *Host) readDraft(ctx context.Context, rec *store.Record, d *change.Draft, meta *envelope.Meta) (bool, error) {
	err := d.Read(commit.SavedOf(rec), meta)
	if err != nil {
		err = h.unreadable(ctx, rec, err)
	}
	if errors.Is(err, envelope.ErrCorrupt) {
		return false, nil
	}
	return err == nil, err
}
