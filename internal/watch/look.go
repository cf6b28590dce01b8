package watch

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/store"
)

// follow keeps following the source. While it cannot, all sessions are looked at once in every
// interval.
func (h *Hub) follow(ctx context.Context) {
	for ctx.Err() == nil {
		err := h.source.Follow(ctx, func(id store.ID) {
			if id.IsZero() {
				h.setFollowing(ctx, true)
			}
			h.Changed(id)
		})
		if errors.Is(err, errors.ErrUnsupported) || ctx.Err() != nil {
			return
		}
		h.setFollowing(ctx, false)
		h.fails(err, &h.followFails)
		if !wait(ctx, h.every) {
			return
		}
	}
}

// wait waits, and tells whether ctx has not ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (h *Hub) setFollowing(ctx context.Context, following bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil { // another one may run by now
		return
	}
	h.following = following
	h.followFails = h.followFails && !following
}

// fails reports an error, unless the one before has been, as failing tells.
func (h *Hub) fails(err error, failing *bool) {
	h.mu.Lock()
	first := !*failing
	*failing = true
	h.mu.Unlock()
	if first {
		h.failed(err)
	}
}

// look looks at what is due until ctx ends.
func (h *Hub) look(ctx context.Context, wake <-chan struct{}) {
	tick := time.NewTicker(h.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case now := <-tick.C:
			h.tick(now)
		}
		for b := h.next(ctx); len(b) > 0 && h.lookAt(ctx, b); b = h.next(ctx) {
		}
	}
}

// lookAnyhow is how often all sessions are looked at which are followed: should their source have
// missed one.
const lookAnyhow = time.Minute

// tick makes due what nobody tells of: sessions that expire, and all of them unless they are
// followed.
func (h *Hub) tick(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	every := !h.following || now.Sub(h.lookedAtAll) >= lookAnyhow
	if every {
		h.lookedAtAll = now
	}
	for id, all := range h.byID {
		if every || !all[0].expires.After(now) {
			h.due[id] = true
		}
	}
}

// A batch is what is looked at together: sessions with what their streams saw before.
type batch map[store.ID]map[*Watch]State

// next takes the next batch of what is due. A session of which a stream has a commit under way
// stays due.
func (h *Hub) next(ctx context.Context) batch {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := batch{}
	if ctx.Err() != nil {
		return b // it is for the one who looks now
	}
	for id := range h.due {
		if len(b) == store.MaxBatch {
			break
		}
		if saw, ok := h.sawLocked(id); ok {
			delete(h.due, id)
			b[id] = saw
		}
	}
	return b
}

// sawLocked returns what the streams of a session see of it. It is false while one of them has a
// commit under way.
func (h *Hub) sawLocked(id store.ID) (map[*Watch]State, bool) {
	saw := make(map[*Watch]State, len(h.byID[id]))
	for _, w := range h.byID[id] {
		s, ok := w.of.Shows()
		if !ok {
			return nil, false
		}
		saw[w] = s
	}
	return saw, true
}

// lookAt looks at a batch, and tells whether it could. What it could not look at stays due until
// the next tick: a store that is down ends nobody's session.
func (h *Hub) lookAt(parent context.Context, b batch) bool {
	sessions := make([]Watched, 0, len(b))
	for id, saw := range b {
		for w := range saw {
			sessions = append(sessions, Watched{id, w.of})
			break
		}
	}
	ctx, cancel := context.WithTimeout(parent, h.timeout)
	defer cancel()
	found := map[store.ID]finding{}
	err := h.source.Look(ctx, sessions, func(id store.ID, s State, expires time.Time) { found[id] = finding{s, expires} })
	if err != nil {
		h.mu.Lock()
		for id := range b {
			h.dueLocked(id)
		}
		over := parent.Err() != nil
		if over && h.cancel != nil {
			h.wakeUpLocked() // another one looks by now
		}
		h.mu.Unlock()
		if !over {
			h.fails(err, &h.lookFails)
		}
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lookFails = false
	for id, saw := range b {
		f, live := found[id]
		for w, before := range saw {
			h.tellLocked(w, before, f, live)
		}
	}
	return true
}

// A finding is what a look has found of a session.
type finding struct {
	state   State
	expires time.Time
}

// tellLocked tells a stream what was found of its session. If the stream has committed since, the
// finding may be older than that: the session is looked at again.
func (h *Hub) tellLocked(w *Watch, before State, f finding, live bool) {
	now, ok := w.of.Shows()
	switch {
	case !ok || now != before:
		h.dueLocked(w.id)
	case !live || f.state.Generation != now.Generation:
		h.endLocked(w, h.ended)
	default:
		w.expires = f.expires
		// Until the stream has looked, it need not be told again of the same.
		if v := f.state.Version; v != now.Version && v != w.told {
			w.told = v
			w.signal()
		}
	}
}
