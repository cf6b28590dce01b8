package session

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/store"
)

// An Info describes a session to its subject or an administrator. It lets
// nobody in.
type Info struct {
	ID              ID
	Subject         string
	Created         time.Time
	Seen            time.Time // last use, as far as was written; see Config.TouchInterval
	Expires         time.Time // unless it is used again
	Deadline        time.Time // however much it is used
	AuthenticatedAt time.Time // when the subject signed in
}

// List returns the live sessions of a subject, in no particular order. Its
// cost grows with their number. It fails with an error that wraps
// [errors.ErrUnsupported] where the store cannot list.
func (m *Manager) List(ctx context.Context, subject string) ([]Info, error) {
	records, err := m.list(ctx, subject)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, 0, len(records))
	for _, rec := range records {
		info := Info{
			ID: rec.ID, Subject: subject, Created: rec.Created,
			Seen: rec.Seen, Expires: rec.Expires, Deadline: rec.Deadline,
		}
		// One that cannot be decoded can still be shown, and revoked.
		if e, err := decodeEnvelope(rec.Data); err == nil {
			info.AuthenticatedAt = authenticatedAt(&e.meta)
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func (m *Manager) list(ctx context.Context, subject string) ([]store.Record, error) {
	if err := m.unsupported("list"); err != nil {
		return nil, err
	}
	scoped, err := m.scopeSubject(subject)
	if err != nil {
		return nil, err
	}
	limited := limit(ctx, m.cfg.LoadTimeout)
	defer limited.release()
	records, err := store.List(limited, m.store, scoped)
	if err != nil {
		return nil, storeFailed("list", err)
	}
	return records, nil
}

// Revoke ends a session by its ID, at once: a request that is under way with it
// can change it no more. That there is none is no error. It asks nobody's
// leave: before it ends a session on a user's word, see in List that the
// session is that user's.
func (m *Manager) Revoke(ctx context.Context, id ID) error {
	if err := m.unsupported("revoke"); err != nil {
		return err
	}
	if err := m.delete(ctx, id); err != nil {
		return err
	}
	m.report(ctx, Event{Kind: EventRevoked, ID: id})
	return nil
}

// RevokeAll ends every session of a subject, "log out everywhere", and returns
// how many. It tries each, whatever becomes of the others, and joins what went
// wrong. A request that revokes the sessions of its own subject ends its own
// with them: it calls [Session.Destroy] next if it has more to set.
//
// Of sealed sessions nobody knows the number: there it returns 0, and those that
// signed in until now have ended for every request from the next on. It fails
// with an error that wraps [errors.ErrUnsupported] without Config.NotBefore.
func (m *Manager) RevokeAll(ctx context.Context, subject string) (int, error) {
	if m.sealer != nil {
		return 0, m.revokeSealed(ctx, subject)
	}
	records, err := m.list(ctx, subject)
	if err != nil {
		return 0, err
	}
	var n int
	var errs []error
	for _, rec := range records {
		if err := m.delete(ctx, rec.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		n++
		m.report(ctx, Event{Kind: EventRevoked, ID: rec.ID, Subject: rec.Subject})
	}
	return n, errors.Join(errs...)
}

// Edit changes a session outside of its requests, say from a job in the
// background: f gets it by its ID, and what f changed is committed when it
// returns, merged with what requests change meanwhile. An error of f commits
// nothing and is returned. Edit does not count as use: the session expires
// when it would have. The use by a request that runs at the same time may go
// unwritten, until the next request.
//
// It returns [ErrEnded] where there is no such session. Login and Renew are
// refused in f, since nobody is there to take the new token.
func (m *Manager) Edit(ctx context.Context, id ID, f func(*Session) error) error {
	if err := m.unsupported("edit"); err != nil {
		return err
	}
	s := &Session{m: m, headersSent: true, background: true}
	limited := limit(ctx, m.cfg.LoadTimeout)
	rec, err := m.loadRecord(limited, id, milli(time.Now()))
	limited.release()
	if errors.Is(err, store.ErrNotFound) {
		return ErrEnded
	}
	if err != nil {
		return storeFailed("load", err)
	}
	d, err := newDraft(rec)
	if err != nil {
		return corrupt(id, err)
	}
	if _, ours := m.cutSubject(rec.Subject); rec.Subject != "" && !ours {
		return ErrEnded
	}
	s.adopt(d)
	defer s.close()
	if err := f(s); err != nil {
		return err
	}
	return m.commit(ctx, s, false)
}
