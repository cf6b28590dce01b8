package session

import (
	"context"
	"iter"
	"time"

	"github.com/b4468f51/session/store"
)

// An Info describes a session to its subject or to an administrator. Nobody gets into a
// session by it.
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

// List yields the live sessions of a subject, in no particular order:
//
//	for info, err := range sessions.List(ctx, "user-42") {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// List loads the sessions in batches of at most [store.MaxBatch], each when the loop asks
// for it and within Config.LoadTimeout, so memory does not grow with their number. To show
// the first hundred, leave the loop there. The body of the loop may revoke sessions. A
// session that begins or ends meanwhile may be yielded or not.
//
// An error ends the loop. It wraps [errors.ErrUnsupported] if the store cannot list.
func (m *Manager) List(ctx context.Context, subject string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		scoped, err := m.scopeSubject(subject)
		if err != nil {
			yield(Info{}, err)
			return
		}
		if err := m.host.BySubject("list"); err != nil {
			yield(Info{}, err)
			return
		}
		for rec, err := range m.host.Accounts.List(ctx, scoped) {
			var info Info
			if err == nil {
				info = m.infoOf(ctx, &rec, subject)
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

func (m *Manager) infoOf(ctx context.Context, rec *store.Record, subject string) Info {
	info := Info{
		ID: rec.ID, Subject: subject, Created: rec.Created,
		Seen: rec.Seen, Expires: rec.Expires, Deadline: rec.Deadline,
	}
	// One that cannot be decoded can still be shown, and revoked.
	if meta, err := m.host.ReadMeta(ctx, rec); err == nil {
		info.AuthenticatedAt, info.Level = authenticatedAt(&meta), int(meta.Level)
		info.Label, info.Client = meta.Label(), Client(meta.Client())
	}
	return info
}

// Edit changes a session outside of its requests, for example from a job in the background.
// It calls f with the session of an ID. When f returns, Edit commits what f changed, and
// merges it with what requests change meanwhile. If f returns an error, Edit commits nothing
// and returns the error.
//
// Edit does not count as use: the session expires when it would have. The use by a request
// that runs at the same time may stay unwritten until the next request.
//
// Edit returns [ErrEnded] if there is no such session. Login and Renew are errors in f,
// because no client is there to take the new token.
func (m *Manager) Edit(ctx context.Context, id ID, f func(*Session) error) error {
	s := &Session{m: m}
	if err := m.host.ByID(ctx, "edit", id, &s.life); err != nil {
		return err
	}
	defer s.life.Close()
	if err := f(s); err != nil {
		return err
	}
	if err := s.life.Commit(ctx, false); err != nil {
		return err
	}
	s.life.TellUnsaved(ctx)
	return nil
}

// View calls f with the session of an ID, to look at it in a job in the background or on the
// pages of an administrator. It returns the error of f. View costs one load, writes nothing,
// and does not count as use. Every method that would change the session, also
// [Session.Save] and [Session.Touch], returns an error in f. [Session.Reload] shows f what
// others have changed meanwhile.
//
// View returns [ErrEnded] if there is no such session, and an error that wraps
// [errors.ErrUnsupported] with [NewSealed].
func (m *Manager) View(ctx context.Context, id ID, f func(*Session) error) error {
	s := &Session{m: m}
	if err := m.host.ByID(ctx, "view", id, &s.life); err != nil {
		return err
	}
	s.life.OnlyView()
	defer s.life.Close()
	return f(s)
}
