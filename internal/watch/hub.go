// Package watch tells streams when their session ends, and when it changes. One Hub has all
// watches of a process. Of what happens in the process it is told; what happens elsewhere it
// finds by looking at the store, for all watched sessions together.
//
// It knows IDs, versions and generations. It knows no request, no record and no store: what
// looks and follows is given to it.
package watch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/b4468f51/session/store"
)

// A State is what is stored of a session.
type State struct {
	Version    uint64
	Generation uint64 // another one means that the tokens of this one were killed
}

// A Session is one that is watched by a stream of its own.
type Session interface {
	// Shows returns what of the session the stream sees. It is false while a commit of the
	// stream is under way, which may change that.
	Shows() (s State, ok bool)
}

// A Watched is a session that is to be looked at, as one of its streams sees it.
type Watched struct {
	ID store.ID
	By Session
}

// A Source is where sessions are stored.
type Source interface {
	// Look calls found with each of the sessions that is live. There are at most
	// store.MaxBatch of them.
	Look(ctx context.Context, sessions []Watched, found func(id store.ID, s State, expires time.Time)) error

	// Follow calls changed with each session that was looked at, when it has changed or ended
	// since. It calls changed with the zero ID when such calls may have been missed, which
	// is so at its beginning too. It returns when ctx ends or when it is interrupted. The
	// error wraps errors.ErrUnsupported where nothing can be followed.
	Follow(ctx context.Context, changed func(store.ID)) error
}

// A Hub has the watches of one process. It may be used by several goroutines at once.
type Hub struct {
	source  Source
	every   time.Duration
	timeout time.Duration
	ended   error
	failed  func(error)

	watches atomic.Int64 // their number
	running sync.WaitGroup

	mu          sync.Mutex // guards all below; a Session's lock may be taken under it, and not the other way
	byID        map[store.ID][]*Watch
	due         map[store.ID]bool  // to be looked at
	wake        chan struct{}      // holds one when something is due; of the goroutine that looks
	followed    chan struct{}      // closed when nobody follows any more
	cancel      context.CancelFunc // of the goroutines; nil while there are none
	following   bool               // what changes elsewhere is told
	lookedAtAll time.Time
	lookFails   bool // the last look failed
	followFails bool // following was interrupted, and failed says so
	closed      bool
}

// New returns a Hub that looks at all watched sessions once in every interval, if the source
// cannot be followed. A look takes no longer than timeout. The cause of a watch that ends with its
// session is ended. While the source fails, failed is called once.
func New(source Source, every, timeout time.Duration, ended error, failed func(error)) *Hub {
	return &Hub{
		source: source, every: every, timeout: timeout, ended: ended, failed: failed,
		byID: map[store.ID][]*Watch{}, due: map[store.ID]bool{},
	}
}

var errClosed = errors.New("session: the Manager is closed: nothing is watched any more")

// Close ends all watches, and waits until nothing of the hub runs.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	for id := range h.byID {
		h.endAllLocked(id, errClosed)
	}
	h.mu.Unlock()
	h.running.Wait()
}

// Ended ends the watches of a session that has ended.
func (h *Hub) Ended(id store.ID) {
	if h.watches.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endAllLocked(id, h.ended)
}

func (h *Hub) endAllLocked(id store.ID, cause error) {
	for _, w := range slices.Clone(h.byID[id]) {
		h.endLocked(w, cause)
	}
}

// endLocked ends a watch. It may have ended before.
func (h *Hub) endLocked(w *Watch, cause error) {
	w.end(cause)
	w.detach()
	h.dropLocked(w)
}

// Changed has a session looked at that was changed, or may have ended; all of them for the zero
// ID. Whoever changes a session in this process calls it when that session shows the change.
func (h *Hub) Changed(id store.ID) {
	if h.watches.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if id.IsZero() {
		for id := range h.byID {
			h.due[id] = true
		}
	} else {
		h.dueLocked(id)
	}
	if len(h.due) > 0 {
		h.wakeUpLocked()
	}
}

// Looked is called when a stream has looked for what is stored of its session. What it has found
// may be older than what it was told of: so the session is looked at once more.
func (h *Hub) Looked(id store.ID, by Session) {
	if h.watches.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range h.byID[id] {
		if w.of == by {
			w.told = 0
			h.due[id] = true
			h.wakeUpLocked()
		}
	}
}

// Free is called when a stream of a session has no commit under way any more: the session may have
// waited for that to be looked at.
func (h *Hub) Free(id store.ID) {
	if h.watches.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.due[id] {
		h.wakeUpLocked()
	}
}

func (h *Hub) dueLocked(id store.ID) {
	if len(h.byID[id]) > 0 {
		h.due[id] = true
	}
}

func (h *Hub) wakeUpLocked() {
	select {
	case h.wake <- struct{}{}:
	default: // it is awake
	}
}

func (h *Hub) startLocked() {
	if h.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	wake, before, followed := make(chan struct{}, 1), h.followed, make(chan struct{})
	h.cancel, h.lookedAtAll, h.wake, h.followed = cancel, time.Now(), wake, followed
	h.running.Go(func() { h.look(ctx, wake) })
	h.running.Go(func() {
		defer close(followed)
		if before != nil {
			<-before // a source is followed once
		}
		h.follow(ctx)
	})
}

func (h *Hub) stopLocked() {
	h.cancel()
	h.cancel, h.following = nil, false
}
