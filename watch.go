package session

import (
	"context"

	"github.com/b4468f51/session/internal/watch"
)

// A Watch is the context of a stream, such as a WebSocket or server-sent events. It ends when
// the session does. Its [context.Cause] is [ErrEnded] then.
type Watch struct {
	context.Context
	watch *watch.Watch
}

// Watch returns a context for a stream that the session stands behind. It ends with ctx. It
// also ends when the session does, in this process or another: when it was destroyed, revoked or
// evicted, when another sign-in took its place, when a Login, Renew or Reauthenticate of another
// request killed the token of this one, and when it has expired. The stream should then close, and
// send its user to sign in.
//
// What happens in this process is told at once. What happens in others is told at once where the
// store can tell, and else within Config.WatchInterval. A store that does not answer ends nobody's
// session: [EventWatchFailed] reports it, and when it is back, all watched sessions are looked
// at.
//
// A watch is no use of the session, which expires after Config.IdleTimeout as it would without:
// call [Session.Touch] where the stream shows that its user is there. A process takes
// two goroutines for all its watches, and less than a kilobyte for each.
//
// A session that is not stored yet cannot be watched: Save it first. Other errors are
// [ErrNoSession], [ErrEnded] and [ErrDone]. Of a sealed session only RevokeAll and its
// expiry are seen.
func (s *Session) Watch(ctx context.Context) (*Watch, error) {
	if s == nil {
		return nil, ErrNoSession
	}
	w, err := s.life.Watch(ctx)
	if err != nil {
		return nil, err
	}
	return &Watch{w, w}, nil
}

// Changed returns a channel that receives when others have changed the session: other requests,
// and other goroutines of this one with a Session of their own. Several changes in a row may
// be told once. Call [Session.Reload] to see them.
func (w *Watch) Changed() <-chan struct{} { return w.watch.Changed() }

// Stop ends the watch before its context does. It need not be called.
func (w *Watch) Stop() { w.watch.Stop() }
