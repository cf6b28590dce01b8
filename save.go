package session

import (
	"context"
	"net/http"

	"github.com/b4468f51/session/internal/life"
)

// Save commits the changes now, rather than with the first byte of the
// response. It is what keeps them in a response of status 500 or above, and
// what keeps those of a long stream before its end. It goes on when ctx is
// cancelled, within Config.CommitTimeout; the values of ctx reach the store.
//
// Errors are [ErrEnded], [ErrConflict], [ErrTooLarge], what an Update's
// function returned, [ErrHeadersSent], [ErrDone], and those of the store.
//
// Where the store was asked to write and did not say whether it has, nobody knows
// what is stored: Save, Reload, Touch and every further change in this request
// return that same error, and so does the commit before the first byte, unless
// [Session.Discard] has dropped the changes. After an error of the store before it was asked to write, they
// stay pending: Save may be called again, and the first byte will try as well. After
// any other error they are dropped, the session shows what others have stored
// meanwhile, and the answer is the handler's.
func (s *Session) Save(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	if err := s.life.Save(ctx); err != nil {
		return err
	}
	s.deliver()
	if x := s.extra.Load(); x != nil && x.header != nil { // there is no answer of ours to wait for
		s.life.TellUnsaved(ctx)
	}
	return nil
}

// Discard drops the changes that were not committed yet.
func (s *Session) Discard() {
	if s != nil {
		s.life.Discard()
	}
}

// Destroy ends the session: logout. The record is gone from the store when
// Destroy returns, and the cookie is cleared with the first byte, if that has
// not left. A cookie that is not good any more is cleared too. What is set
// afterwards belongs to a new, anonymous session. Destroy goes on when ctx is
// cancelled, within Config.CommitTimeout.
//
// A request with several good tokens reads as anonymous, but Destroy ends the
// session of each. A request that came without a token, and has stored nothing,
// costs nothing to destroy, and sets no cookie.
//
// After an error of the store the session is as it was, and Destroy may be called
// again; of several sessions some may have ended. [ErrEnded] says that this
// request's token was replaced a moment ago by Login or Renew: the client has
// another by now, and must be asked to sign out again.
func (s *Session) Destroy(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	return s.life.Destroy(ctx, s.deliver)
}

// deliver puts a token that is due into the header that takes it at once, if
// there is one.
func (s *Session) deliver() {
	x := s.extra.Load()
	if x == nil || x.header == nil {
		return
	}
	x.mu.Lock() // of several goroutines one at a time writes to the header
	defer x.mu.Unlock()
	if token, ok := s.life.TakeToken(); ok {
		s.sendLocked(x, *x.header, token)
	}
}

// sendLocked writes a token to the header of a response. The cookie of bindings goes with
// one that outlives the browser: it must outlive it too.
func (s *Session) sendLocked(x *extra, h http.Header, token life.Token) {
	s.m.carrier.Write(h, token.Text, token.Until)
	if !token.Until.IsZero() && s.life.HasHeader() {
		s.keepBindCookieLocked(x)
		s.sendBindCookieLocked(x, h)
	}
}

// Reload shows the newest state of the session, as others have committed it since
// the request began or last committed. What the request itself has pending stays
// on top of that. It returns [ErrEnded] where the session was destroyed, revoked or
// renewed elsewhere, or has expired.
//
// Reload costs one load, within Config.LoadTimeout, and writes nothing: it does not
// count as use. A session that is not stored yet has no newer state. Of a sealed one
// it tells no more than whether it has ended. Other errors are [ErrNoSession],
// [ErrDone], and those of the store; the session is as it was then.
func (s *Session) Reload(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	return s.life.Reload(ctx)
}

// Touch keeps the session of a long stream alive, at most once per
// Config.TouchInterval, and returns [ErrEnded] when it was destroyed, revoked
// or renewed elsewhere, at the cost of one load. The session shows what was loaded,
// as after Reload. Touch counts as use in every request. It goes on when ctx is
// cancelled, within Config.CommitTimeout. A session that is not stored yet has
// nothing to keep.
func (s *Session) Touch(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	return s.life.Touch(ctx)
}
