package session

import (
	"context"
)

// Save commits the changes now, rather than with the first byte of the response. Call it
// to keep them although the response has status 500 or above, and in a long stream before
// its end. Save goes on when ctx is cancelled, within Config.CommitTimeout. The values of
// ctx reach the store.
//
// Errors are [ErrEnded], [ErrConflict], [ErrTooLarge], what an Update's
// function returned, [ErrHeadersSent], [ErrDone], and those of the store.
//
// An error of the store leaves the changes pending if the store was not asked to write: call
// Save again, or let the first byte of the response try. If the store was asked to write and
// its answer was lost, nobody knows what is stored. Then Save, Reload, Touch and every
// further change in this request return that same error. So does the commit before the first
// byte, unless [Session.Discard] drops the changes.
//
// After any other error Save drops the changes that it was to commit, and not those that
// another goroutine has made since. The session shows what others have stored
// meanwhile, and the handler decides what to answer.
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

// Destroy ends the session: logout. The record is gone from the store when Destroy returns.
// The cookie is cleared with the first byte of the response if that has not left yet, also a
// cookie that was invalid already. What is set afterwards belongs to a new, anonymous
// session. Destroy goes on when ctx is cancelled, within Config.CommitTimeout.
//
// A request with several valid tokens reads as anonymous, but Destroy ends the session of
// each. A request that came without a token, and has stored nothing, costs nothing to
// destroy and sets no cookie.
//
// After an error of the store the session is as it was, and Destroy may be called again. Of
// several sessions some may have ended. [ErrEnded] means that Login, Renew or
// Reauthenticate replaced this request's token a moment ago: the client has another one by
// now, so ask it to sign out again. See the example of [Session.Login].
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
		s.m.carrier.Write(*x.header, token.Text, token.Until)
		s.sendBesideLocked(x, *x.header, token.Until)
	}
}

// Reload loads the newest state of the session, with what other requests have committed
// since this one began. The pending changes of this request stay on top of it. Reload
// returns [ErrEnded] if the session was destroyed, revoked or renewed elsewhere, or has
// expired.
//
// Reload costs one load, within Config.LoadTimeout. It writes nothing and does not count as
// use. A session that is not stored yet has no newer state, and of a sealed one Reload tells
// only whether it has ended. Other errors are [ErrNoSession], [ErrDone], and those of the
// store. The session is then as it was.
func (s *Session) Reload(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	return s.life.Reload(ctx)
}

// Touch keeps the session of a long stream alive. It loads the session, as Reload does, and
// writes that it was used, at most once per Config.TouchInterval. It returns [ErrEnded] if
// the session was destroyed, revoked or renewed elsewhere, or has expired.
//
// Touch counts as use in every request, also where Config.Passive says that the request does
// not. It goes on when ctx is cancelled, within Config.CommitTimeout. For a session that is
// not stored yet it does nothing.
func (s *Session) Touch(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	return s.life.Touch(ctx)
}
