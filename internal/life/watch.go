package life

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/mark"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/internal/watch"
	"github.com/b4468f51/session/store"
)

// Watch returns a context that ends with ctx, or with the session.
func (s *Session) Watch(ctx context.Context) (*watch.Watch, error) {
	isStored, err := s.changeable()
	if err == nil && !isStored {
		err = errNotStored
	}
	if err != nil {
		return nil, err
	}
	return s.host.watches.Watch(ctx, s.host.keeper.watchedAs(s.KnownID()), s)
}

func (inStore) watchedAs(id store.ID) store.ID { return id }

// watchedAs returns an ID that no other stream has: each has what its own cookie says.
func (inCookie) watchedAs(store.ID) store.ID { return sid.NewID() }

// Shows returns what of its session a stream sees, for the watches. One that has ended shows what
// no record can be.
func (s *Session) Shows() (watch.State, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.watchedLocked()
	if st.phase == ended {
		return watch.State{Generation: math.MaxUint64}, true
	}
	return watch.State{Version: st.draft.Rec.Version, Generation: st.generation}, !s.turnTaken
}

// watchedLocked returns the session that is watched: while a Login has put it aside, the one of
// before, which goes on until that is committed.
func (s *Session) watchedLocked() *state {
	if p := s.anyPastLocked(); p != nil && p.before != nil {
		return p.before
	}
	return &s.state
}

// tellWatches has the streams of a session look at it, if it is no longer as it was before.
func (s *Session) tellWatches(before watch.State) {
	if now, _ := s.Shows(); now != before {
		s.host.watches.Changed(s.KnownID())
	}
}

// tellLooked tells that the session shows what it has found in the store.
func (s *Session) tellLooked() { s.host.watches.Looked(s.KnownID(), s) }

// A watched is where the watches look for sessions.
type watched struct{ h *Host }

// Look looks for sessions in their keeper.
func (w watched) Look(ctx context.Context, sessions []watch.Watched, found func(store.ID, watch.State, time.Time)) error {
	return w.h.keeper.lookAt(ctx, sessions, found)
}

// Follow follows the sessions' records.
func (w watched) Follow(ctx context.Context, changed func(store.ID)) error {
	return w.h.keeper.follow(ctx, changed)
}

func (k inStore) follow(ctx context.Context, changed func(store.ID)) error {
	return store.Follow(ctx, k.h.store, changed)
}

// follow cannot: a not-before may come at any time, from a subject that has none yet.
func (inCookie) follow(context.Context, func(store.ID)) error { return errors.ErrUnsupported }

// lookAt finds the sessions in the store. One whose record is corrupt has ended.
func (k inStore) lookAt(ctx context.Context, sessions []watch.Watched, found func(store.ID, watch.State, time.Time)) error {
	ids := make([]store.ID, len(sessions))
	for i, s := range sessions {
		ids[i] = s.ID
	}
	records, err := store.LoadAll(ctx, k.h.store, ids)
	if err != nil {
		return commit.Failed("load", err)
	}
	now := envelope.Truncate(time.Now())
	for i := range records {
		rec := &records[i]
		if !commit.Alive(rec, now) || mark.Is(rec.Data) {
			continue
		}
		meta, err := k.h.ReadMeta(ctx, rec)
		switch {
		case err == nil:
			found(rec.ID, watch.State{Version: rec.Version, Generation: meta.Generation}, rec.Expires)
		case !errors.Is(err, envelope.ErrCorrupt): // of a newer format: it may go on
			if shows, ok := showsOf(sessions, rec.ID); ok {
				found(rec.ID, shows, rec.Expires)
			}
		}
	}
	return nil
}

// showsOf returns what the stream of a session shows.
func showsOf(sessions []watch.Watched, id store.ID) (watch.State, bool) {
	i := slices.IndexFunc(sessions, func(w watch.Watched) bool { return w.ID == id })
	if i < 0 {
		return watch.State{}, false
	}
	return sessions[i].By.Shows()
}

// lookAt finds the sessions that were not revoked, and have not expired.
func (k inCookie) lookAt(ctx context.Context, sessions []watch.Watched, found func(store.ID, watch.State, time.Time)) error {
	for _, watched := range sessions {
		s := watched.By.(*Session)
		s.mu.Lock()
		d := s.draft.Share()
		s.mu.Unlock()
		revoked, err := k.h.revoked(ctx, &d)
		if err != nil {
			return err
		}
		if expires := d.Rec.Expires.Time(); !revoked && time.Now().Before(expires) {
			shows, _ := s.Shows()
			found(watched.ID, shows, expires)
		}
	}
	return nil
}
