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
	Level           int       // how strongly; see Session.Reauthenticate
	Label           string    // see Session.SetLabel
	Client          Client    // that signed in; see Config.Client
}

// List returns the live sessions of a subject, in no particular order. Its
// cost grows with their number. It fails with an error that wraps
// [errors.ErrUnsupported] where the store cannot list.
func (m *Manager) List(ctx context.Context, subject string) ([]Info, error) {
	scoped, err := m.scopeSubject(subject)
	if err != nil {
		return nil, err
	}
	records, err := m.list(ctx, scoped)
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
		if meta, err := decodeMeta(rec.Data); err == nil {
			info.AuthenticatedAt, info.Level = authenticatedAt(&meta), int(meta.level)
			info.Label = string(meta.inTail(tagLabel))
			info.Client, _ = decodeClient(meta.inTail(tagClient))
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func (m *Manager) list(ctx context.Context, scoped string) ([]store.Record, error) {
	if err := m.unsupported("list"); err != nil {
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

// canList tells whether the sessions of a subject can be found.
func (m *Manager) canList() bool {
	_, ok := m.store.(store.Lister)
	return ok && m.sealer == nil
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
	var meta meta
	if err := s.draft.read(&rec, &meta); err != nil {
		return corrupt(id, err)
	}
	if _, ours := m.cutSubject(rec.Subject); rec.Subject != "" && !ours {
		return ErrEnded
	}
	s.adopted(meta.generation)
	defer s.close()
	if err := f(s); err != nil {
		return err
	}
	return m.commit(ctx, s, false)
}
