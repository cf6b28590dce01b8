package commit

import (
	"context"
	"sync"

	"github.com/b4468f51/session/store"
)

// lanes let the writers of one session in this process commit one after
// another, rather than have their compare-and-swaps fail against each other.
// Each hands the record that it wrote on to the next.
type lanes struct {
	mu     sync.Mutex
	byID   map[store.ID]*lane
	spares []*lane
}

// A lane exists as long as somebody is in it or waits for it.
type lane struct {
	turn   chan struct{} // holds one token while nobody has the turn
	users  int           // guarded by lanes.mu
	latest store.Record  // the last one written here, if any; guarded by the turn
}

// maxSpareLanes bounds the lanes that are kept for use by another session.
const maxSpareLanes = 64

// enter waits for the turn in the lane of a session, or until ctx is done.
func (l *lanes) enter(ctx context.Context, id store.ID) (*lane, error) {
	l.mu.Lock()
	ln := l.byID[id]
	switch {
	case ln != nil:
	case len(l.spares) > 0:
		ln = l.spares[len(l.spares)-1]
		l.spares = l.spares[:len(l.spares)-1]
	default:
		ln = &lane{turn: make(chan struct{}, 1)}
		ln.turn <- struct{}{}
	}
	if l.byID == nil {
		l.byID = make(map[store.ID]*lane)
	}
	l.byID[id] = ln
	ln.users++
	l.mu.Unlock()

	select {
	case <-ln.turn: // without asking ctx for a channel, which costs a timer
		return ln, nil
	default:
	}
	select {
	case <-ln.turn:
		return ln, nil
	case <-ctx.Done():
		l.drop(id, ln)
		return nil, ctx.Err()
	}
}

// leave gives the turn to the next.
func (l *lanes) leave(id store.ID, ln *lane) {
	ln.turn <- struct{}{}
	l.drop(id, ln)
}

func (l *lanes) drop(id store.ID, ln *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ln.users--; ln.users > 0 {
		return
	}
	delete(l.byID, id)
	ln.latest = store.Record{}
	if len(l.spares) < maxSpareLanes {
		l.spares = append(l.spares, ln)
	}
}
