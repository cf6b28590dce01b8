package life

import (
	"time"

	"github.com/b4468f51/session/internal/sid"
)

// A dueToken is what the response still has to tell the client.
type dueToken uint8

const (
	dueNone  dueToken = iota
	dueSet            // the token in state.secret or state.sealed
	dueClear          // that there is no session any more
)

// A Token is what a response tells the client to keep; an empty one clears.
type Token struct {
	Text  string
	Until time.Time // zero: as long as the browser runs
}

// TakeToken returns the token that is due, once.
func (s *Session) TakeToken() (Token, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeTokenLocked()
}

func (s *Session) takeTokenLocked() (t Token, ok bool) {
	due, secret, sealed := s.due, s.secret, s.sealed
	if due == dueNone {
		return t, false
	}
	s.due, s.secret, s.sealed = dueNone, nil, nil
	if due == dueClear {
		s.clientHas = false
		return t, true
	}
	s.clientHas = true
	if sealed != nil {
		t.Text = *sealed
	} else {
		t.Text = sid.Token{ID: s.draft.Rec.ID, Secret: *secret}.Reveal()
	}
	if s.persistentLocked() {
		t.Until = s.draft.Rec.Deadline.Time()
	}
	return t, true
}

// A Header is the session's part of the header of a response.
type Header struct {
	Token Token
	Due   bool // there is a Token to tell
	Used  bool // the response depends on the token that the request had
}

// A commit that another goroutine has under way may have a token to tell, which is lost with a
// header that leaves before it. So the header is looked at between turns.

// CloseHeader returns what the header has to have, and refuses whatever would need more
// of it from here on.
func (s *Session) CloseHeader() (h Header) {
	s.lockBetweenTurns()
	defer s.mu.Unlock()
	s.closeHeaderLocked(&h)
	return h
}

func (s *Session) closeHeaderLocked(h *Header) {
	s.headersSent = true
	if s.due != dueNone {
		h.Token, h.Due = s.takeTokenLocked()
		s.used = true
	}
	h.Used = s.used
}

// CloseReadHeader is CloseHeader, into the zero Header, of a session that has nothing to commit.
// It is false, and does nothing, where there may be something.
func (s *Session) CloseReadHeader(h *Header) bool {
	s.lockBetweenTurns()
	defer s.mu.Unlock()
	if !s.onlyReadLocked() {
		return false
	}
	s.closeHeaderLocked(h)
	return true
}

// ReopenHeader lets tokens be told again. What was committed stays.
func (s *Session) ReopenHeader() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.headersSent = false
}

// Fail drops what is pending, for an error to be answered, and closes the header but for a
// token that was due before. The session takes no more changes: the client is told that the
// request has failed.
func (s *Session) Fail(err error) {
	s.lockBetweenTurns()
	defer s.mu.Unlock()
	s.discardLocked()
	s.headersSent, s.used = true, true
	if s.refusalLocked() == nil {
		s.failLocked(err)
	}
}

// LoseHeader is for a response that left without the session's part of the header. It
// tells whether that was to have a token.
func (s *Session) LoseHeader() (lost bool) {
	s.lockBetweenTurns()
	defer s.mu.Unlock()
	lost = s.owesTokenLocked()
	s.headersSent = true
	return lost
}

// NeedsHeader tells whether the client has to be told a token. From here on no rotation adds
// one. A dead token may stay with the client.
func (s *Session) NeedsHeader() bool {
	s.lockBetweenTurns()
	defer s.mu.Unlock()
	s.mayRotate = false
	return s.owesTokenLocked() || s.phase == fresh && s.draft.Count() > 0 || s.host.Sealed() && len(s.ops) > 0 || s.newTokenLocked()
}

// Owes tells whether something has to be stored, or told the client.
func (s *Session) Owes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owesTokenLocked() || len(s.ops) > 0
}

// HeaderClosed tells whether no cookie can be sent any more.
func (s *Session) HeaderClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.headersSent
}

// owesTokenLocked tells whether the client must get the token that is due. A dead token need
// not be cleared: it does no harm.
func (s *Session) owesTokenLocked() bool {
	return s.due == dueSet || s.due == dueClear && s.with != withDead
}

// withheldLocked tells whether the client may hold a token that its browser did not
// send, since another site has made the request. The token of an anonymous session would
// take its place, and sign the client out.
func (s *Session) withheldLocked() bool {
	return s.draft.Subject() == "" && s.request != nil && !s.with.lapsed() && !s.clientHas && s.request.MayLackToken()
}

// GiveHeader tells the session that there is a response, whose header takes every cookie.
func (s *Session) GiveHeader() { s.hasHeader = true }

// HasHeader tells whether there is one.
func (s *Session) HasHeader() bool { return s.hasHeader }
