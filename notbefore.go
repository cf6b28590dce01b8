package session

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/b4468f51/session/store"
)

// The not-before of a subject is the time at or before which its sealed sessions
// must have been signed in to be over. It stands in the field Seen of a record
// of its own, which belongs to no subject and is no session.

// notBeforeID returns the ID of that record, for a subject as the store has it.
func notBeforeID(scoped string) ID {
	sum := sha256.Sum256([]byte("session not-before\x00" + scoped))
	return ID(sum[:len(ID{})])
}

// notBeforeData is no envelope of any format, so that no session is ever made of
// the record.
var notBeforeData = []byte("\x00not-before")

// revoked tells whether RevokeAll has ended a sealed session.
func (m *Manager) revoked(ctx context.Context, d *draft) (bool, error) {
	if m.store == nil || d.subject == "" {
		return false, nil
	}
	rec, err := m.store.Load(ctx, notBeforeID(d.subject))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, storeFailed("load", err)
	}
	return d.meta.authenticated <= rec.Seen.UnixMilli(), nil
}

// revokeSealed ends all sessions of a subject that were signed in until now.
func (m *Manager) revokeSealed(parent context.Context, subject string) error {
	scoped, err := m.scopeSubject(subject)
	if err != nil {
		return err
	}
	if m.store == nil {
		return fmt.Errorf("session: revoke: Config.NotBefore is not set: %w", errors.ErrUnsupported)
	}
	ctx := detach(parent, m.cfg.CommitTimeout)
	defer ctx.release()
	now := milli(time.Now())
	if err := m.setNotBefore(ctx, notBeforeID(scoped), now); err != nil {
		return storeFailed("revoke", err)
	}
	m.report(ctx, Event{Kind: EventRevoked, Subject: scoped})
	// A sign-in that comes next, perhaps in the same handler, is not to count
	// as one of this millisecond.
	time.Sleep(time.Until(now.Add(time.Millisecond)))
	return nil
}

// setNotBefore moves the not-before forward, never back.
func (m *Manager) setNotBefore(ctx context.Context, id ID, now time.Time) error {
	// What was sealed while Config.Lifetime was longer has to stay ended too.
	expires := now.Add(max(m.cfg.MaxLifetime, maxAge))
	rec := store.Record{
		ID: id, Version: m.newVersion(), Created: now, Seen: now,
		Expires: expires, Deadline: expires, Data: notBeforeData,
	}
	var err error
	for range maxAttempts {
		old, loadErr := m.store.Load(ctx, id)
		switch {
		case loadErr == nil && !old.Seen.Before(now):
			return nil
		case loadErr == nil:
			rec.Created = old.Created
			err = m.store.Save(ctx, rec, old.Version)
		case errors.Is(loadErr, store.ErrNotFound):
			err = m.store.Create(ctx, rec)
		default:
			return loadErr
		}
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrExists) {
			return err
		}
	}
	return err
}
