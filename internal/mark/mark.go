// Package mark keeps records that belong to a subject and are no sessions: when all
// sessions of the subject were last revoked, and the places that sign-ins have reserved.
// A mark lies in the store of the sessions, under an ID that is computed from the
// subject, and is no envelope of any format.
//
// It knows the store, and how long a mark is kept. It knows no session, no request and
// no settings.
package mark

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/store"
)

// Marks are those of one store. They may be used by several goroutines at once.
type Marks struct {
	store  store.Store
	engine *commit.Engine
	life   time.Duration
}

// New returns the marks of a store, which is that of the engine. Each is kept for life
// after it was last written: no session may live longer.
func New(s store.Store, engine *commit.Engine, life time.Duration) *Marks {
	return &Marks{s, engine, life}
}

// Is tells whether the data of a record is that of a mark. The IDs of marks can be
// computed from the subject, so presenting one says nothing about the client, and the
// record is not corrupt.
func Is(data []byte) bool {
	return bytes.HasPrefix(data, []byte(notBeforeHead)) || bytes.HasPrefix(data, []byte(placesHead))
}

// idOf returns the ID of a subject's mark.
func idOf(kind, subject string) store.ID {
	sum := sha256.Sum256([]byte("session " + kind + "\x00" + subject))
	return store.ID(sum[:len(store.ID{})])
}

// record returns a mark as it is written now. It cannot keep its time in the field Seen,
// because no Save moves that back.
func (m *Marks) record(id store.ID, data []byte, now time.Time) store.Record {
	expires := now.Add(m.life)
	return store.Record{
		ID: id, Version: m.engine.NewVersion(), Seen: now,
		Expires: expires, Deadline: expires, Data: data,
	}
}

// edit compares and swaps a mark. It makes the new data of those that are stored, nil where none
// are, and writes nothing where it makes nil.
func (m *Marks) edit(ctx context.Context, op string, id store.ID, now time.Time, change func(data []byte) ([]byte, error)) error {
	for attempt := 1; ; attempt++ {
		old, err := m.engine.Load(ctx, id, now)
		missing := errors.Is(err, store.ErrNotFound)
		if err != nil && !missing {
			return commit.Failed("load", err)
		}
		data, err := change(old.Data)
		if err != nil || data == nil {
			return err
		}
		rec := m.record(id, data, now)
		if missing {
			err = m.store.Create(ctx, rec)
		} else {
			err = m.store.Save(ctx, rec, old.Version)
		}
		if err == nil {
			return nil
		}
		if !commit.Refused(err) || attempt == commit.MaxAttempts {
			return commit.Failed(op, err)
		}
		if err := commit.Pause(ctx, attempt); err != nil {
			return commit.Failed(op, err)
		}
	}
}
