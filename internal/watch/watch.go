package watch

import (
	"context"
	"slices"
	"time"

	"github.com/b4468f51/session/store"
)

// A Watch is a context that ends with the session.
type Watch struct {
	context.Context
	hub     *Hub
	id      store.ID
	of      Session
	expires time.Time // as last seen, zero until then; guarded by hub.mu
	told    uint64    // the last version that it was told of; guarded by hub.mu
	end     context.CancelCauseFunc
	changed chan struct{} // holds one
	detach  func() bool   // from the context that it was made of
}

// Watch watches a session until ctx ends. The session is looked at soon, together with those that
// others begin to watch: so nothing that happened before is missed.
func (h *Hub) Watch(ctx context.Context, id store.ID, of Session) (*Watch, error) {
	w := &Watch{hub: h, id: id, of: of, changed: make(chan struct{}, 1)}
	w.Context, w.end = context.WithCancelCause(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		w.end(errClosed)
		return nil, errClosed
	}
	w.detach = context.AfterFunc(ctx, w.Stop)
	h.byID[id] = append(h.byID[id], w)
	h.watches.Add(1)
	h.startLocked()
	h.due[id] = true
	h.wakeUpLocked()
	return w, nil
}

// Changed returns a channel that receives when others have changed the session, once for
// several changes in a row.
func (w *Watch) Changed() <-chan struct{} { return w.changed }

// Stop ends the watch. It is not needed where the context ends that the watch was made of.
func (w *Watch) Stop() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.hub.endLocked(w, nil)
}

func (w *Watch) signal() {
	select {
	case w.changed <- struct{}{}:
	default: // it has not been received yet
	}
}

// dropLocked forgets a watch, and stops the hub with the last one.
func (h *Hub) dropLocked(w *Watch) {
	all := h.byID[w.id]
	i := slices.Index(all, w)
	if i < 0 {
		return
	}
	if all = slices.Delete(all, i, i+1); len(all) > 0 {
		h.byID[w.id] = all
	} else {
		delete(h.byID, w.id)
		delete(h.due, w.id)
	}
	if h.watches.Add(-1) == 0 {
		h.stopLocked()
	}
}
