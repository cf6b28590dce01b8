package session

import (
	"errors"
	"net/http"

	"github.com/b4468f51/session/internal/commit"
)

// What the ResponseWriter of a handler calls back: an exchange is a respond.Hooks.

// Before commits the session, unless the status says that the handler failed, and
// writes the session's part of the header.
func (e *exchange) Before(status int, h http.Header) error {
	s := &e.session
	if status >= 400 {
		s.answeredUnsaved()
	}
	if status >= 500 {
		s.Discard()
	} else if e.beforeRead(h) {
		return nil
	} else if err := s.m.commit(&e.context, s, false); err != nil {
		if ErrorStatus(err) >= 500 { // else the client is told to try again, or that it may not
			e.reportFailed(err)
		}
		return err
	}
	e.writeHeader(h)
	return nil
}

// beforeRead does all that Before has to where there is nothing to commit. It is
// false, and nothing is done, where there may be.
func (e *exchange) beforeRead(h http.Header) bool {
	s := &e.session
	s.committing.Lock() // waits for a commit by another goroutine
	defer s.committing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.onlyReadLocked() {
		return false
	}
	e.writeHeaderLocked(h)
	return true
}

// reportFailed reports that a commit failed, unless the commit itself has.
func (e *exchange) reportFailed(err error) {
	var failed *commit.StoreError
	if !errors.As(err, &failed) {
		e.session.m.report(&e.context, Event{Kind: EventCommitFailed, ID: e.session.ID(), Err: err})
	}
}

// writeHeader writes the session's part of the header, and closes it.
func (e *exchange) writeHeader(h http.Header) {
	e.session.mu.Lock()
	defer e.session.mu.Unlock()
	e.writeHeaderLocked(h)
}

func (e *exchange) writeHeaderLocked(h http.Header) {
	s := &e.session
	s.headersSent = true
	if s.due != cookieNone {
		s.sendTokenLocked(h)
		s.used = true
	}
	s.sendBindCookieLocked(h)
	if s.used {
		s.m.carrier.Vary(h, &e.vary)
	}
}

// Replace answers with an error in the place of the handler. A cookie that was
// due before, for what Save has stored, goes with it.
func (e *exchange) Replace(w http.ResponseWriter, r *http.Request, err error) {
	s := &e.session
	s.mu.Lock()
	s.discardLocked()
	s.headersSent, s.used = true, true
	s.mu.Unlock()
	s.m.answerWith(w, r, err, e.writeHeader)
}

// HandOver refuses where a cookie has to be set: it is lost with the header.
func (e *exchange) HandOver() error {
	if e.session.needsCookie() {
		return errHandedOver
	}
	return nil
}

// Reopened lets cookies be set again. What was committed stays.
func (e *exchange) Reopened() {
	e.session.mu.Lock()
	defer e.session.mu.Unlock()
	e.session.headersSent = false
}

// Owes tells whether something has to be stored, or told the client.
func (e *exchange) Owes() bool {
	e.session.mu.Lock()
	defer e.session.mu.Unlock()
	return e.session.owesCookieLocked() || len(e.session.ops) > 0
}

// errBypassed is reported where the response was written around the session's
// writer, so that no cookie could be set.
var errBypassed = errors.New("session: the response did not go through the writer of Manager.Handler: " +
	"hand on the ResponseWriter that Handler gives to its handler, not only the request")

// Bypassed keeps what needs no cookie. The client must not take the response for
// complete where something else was lost.
func (e *exchange) Bypassed() (abort bool, err error) {
	s := &e.session
	s.mu.Lock()
	lost := s.owesCookieLocked()
	s.headersSent, s.mayRotate = true, false
	s.mu.Unlock()
	failed := s.m.commit(&e.context, s, false)
	err = errors.Join(errBypassed, failed)
	s.m.report(&e.context, Event{Kind: EventCommitFailed, ID: s.ID(), Err: err})
	return lost || failed != nil, err
}

// After commits what the handler has changed since the first byte, unless the status
// said that it failed. Only where the response was streamed may the first byte have left
// so long ago that the times are due again.
func (e *exchange) After(status int, streamed bool) error {
	s := &e.session
	if status >= 500 || !streamed && s.closeIdle() {
		return nil
	}
	err := s.m.commit(&e.context, s, false)
	if err != nil {
		e.reportFailed(err)
	}
	return err
}

// String names the session, for whoever prints the writer.
func (e *exchange) String() string { return e.session.String() }
