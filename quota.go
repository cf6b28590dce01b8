package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/store"
)

// With Config.RefuseLogin, a sign-in reserves a place before it writes its
// session, in a record of the subject that belongs to nobody and is no session.
// Sign-ins of one subject meet in its compare-and-swap, so that of those at the
// same time no more succeed than there are places.

// A place is one that a sign-in has reserved, until its session is in the store.
type place struct {
	id ID
	at int64 // Unix milliseconds
}

// quotaHead begins the data of the record. It is no envelope of any format.
const quotaHead = "\x00quota"

const placeSize = len(ID{}) + 8

// placeLife is how long a place counts that was never released, because the
// process ended. Longer than a commit may take.
const placeLife = commit.Window

func quotaID(scoped string) ID {
	sum := sha256.Sum256([]byte("session quota\x00" + scoped))
	return ID(sum[:len(ID{})])
}

// reserve takes a place for the session of a sign-in, or refuses it. It is called
// again where the session gets another ID: one that had a place for being stored
// has lost it.
//
// Where there is no place left, the subject's session of which the client presented
// a killed token gives way. A client that never got the answer of its last sign-in
// comes with one: nobody else can use that session, and it must not keep its
// subject out.
func (c *saving) reserve() error {
	scoped, own := c.Draft.Subject(), c.Draft.Rec.ID
	c.reserved = append(c.reserved, own)
	var gives []ending
	err := c.editQuota(scoped, func(places []place) ([]place, error) {
		most := c.m.cfg.MaxSessions + len(c.ends) + 1            // of which one at least is too many
		ids, err := c.m.sessionIDs(c.Context, scoped, most, own) // after the places were read: none is missed
		if err != nil {
			return nil, err
		}
		taken := 0
		gives = nil
		for _, id := range ids {
			switch {
			case id == own: // it has one
				gives = nil
				return places, nil
			case c.endsToo(id):
				continue
			case id == c.Killed:
				gives = []ending{{id, scoped}}
			}
			taken++
			places = slices.DeleteFunc(places, func(p place) bool { return p.id == id })
		}
		places = slices.DeleteFunc(places, func(p place) bool {
			return c.hasReserved(p) || p.at < c.Now.Add(-placeLife).UnixMilli()
		})
		switch left := c.m.cfg.MaxSessions - taken - len(places); {
		case left > 0:
			gives = nil
		case left+len(gives) <= 0:
			return nil, ErrTooManySessions
		}
		return append(places, place{own, c.Now.UnixMilli()}), nil
	})
	if err == nil && len(gives) > 0 {
		c.endToo(gives)
	}
	return err
}

// sessionIDs returns the IDs of a subject's sessions, and of more than so many
// only these. One is among them in any case, if it is the subject's.
func (m *Manager) sessionIDs(ctx context.Context, scoped string, most int, one ID) ([]ID, error) {
	var ids []ID
	for rec, err := range m.list(ctx, scoped) {
		if err != nil {
			return nil, err
		}
		if ids = append(ids, rec.ID); len(ids) == most {
			break
		}
	}
	if len(ids) < most || slices.Contains(ids, one) {
		return ids, nil
	}
	rec, found, err := m.loadSession(ctx, one, envelope.Truncate(time.Now()))
	if found && rec.Subject == scoped {
		ids = append(ids, one)
	}
	return ids, err
}

// hasReserved tells whether a place is this sign-in's.
func (c *saving) hasReserved(p place) bool { return slices.Contains(c.reserved, p.id) }

// freePlaces gives the place back: the session can be listed now, or never will be.
func (c *saving) freePlaces() {
	if len(c.reserved) == 0 {
		return
	}
	err := c.editQuota(c.Draft.Subject(), func(places []place) ([]place, error) {
		return slices.DeleteFunc(places, c.hasReserved), nil
	})
	if err != nil { // then it counts for placeLife
		c.m.report(c.Context, Event{Kind: EventLimitFailed, ID: c.Draft.Rec.ID, Subject: c.Draft.Subject(), Err: err})
	}
}

// editQuota compares and swaps the places of a subject.
func (c *saving) editQuota(scoped string, edit func([]place) ([]place, error)) error {
	id := quotaID(scoped)
	// Far longer than a place counts: a store may refuse to create a record where an
	// expired one waits to be collected, and nobody could sign in until then.
	expires := c.m.markExpires(c.Now)
	for attempt := 1; ; attempt++ {
		old, err := c.m.engine.Load(c.Context, id, c.Now)
		missing := errors.Is(err, store.ErrNotFound)
		if err != nil && !missing {
			return commit.Failed("load", err)
		}
		places, err := edit(decodePlaces(old.Data))
		if err != nil {
			return err
		}
		rec := store.Record{
			ID: id, Version: c.m.engine.NewVersion(), Seen: c.Now,
			Expires: expires, Deadline: expires, Data: encodePlaces(places),
		}
		switch {
		case bytes.Equal(rec.Data, old.Data), missing && len(places) == 0:
			return nil
		case missing:
			err = c.m.store.Create(c.Context, rec)
		default:
			err = c.m.store.Save(c.Context, rec, old.Version)
		}
		if err == nil {
			return nil
		}
		if !commit.Refused(err) || attempt == commit.MaxAttempts {
			return commit.Failed("limit sessions", err)
		}
		if err := commit.Pause(c.Context, attempt); err != nil {
			return commit.Failed("limit sessions", err)
		}
	}
}

func encodePlaces(places []place) []byte {
	data := []byte(quotaHead)
	for _, p := range places {
		data = append(data, p.id[:]...)
		data = binary.LittleEndian.AppendUint64(data, uint64(p.at))
	}
	return data
}

func decodePlaces(data []byte) []place {
	data, ok := bytes.CutPrefix(data, []byte(quotaHead))
	if !ok {
		return nil
	}
	places := make([]place, 0, len(data)/placeSize+1)
	for ; len(data) >= placeSize; data = data[placeSize:] {
		places = append(places, place{ID(data[:16]), int64(binary.LittleEndian.Uint64(data[16:]))})
	}
	return places
}
