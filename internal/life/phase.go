package life

import (
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/store"
)

// A phase is where a session stands, as one request sees it. What each allows:
//
//	phase     reading  Set and others  Login         Save       Reload     Touch      Destroy
//	--------  -------  --------------  ------------  ---------  ---------  ---------  ---------
//	fresh     yes      yes             yes           yes        yes        yes        yes
//	stored    yes      yes             yes           yes        yes        yes        yes
//	viewed    yes      an error        an error      an error   yes        an error   an error
//	failed    yes      the error       the error     the error  the error  the error  yes
//	ended     empty    ErrEnded        begins anew   ErrEnded   ErrEnded   ErrEnded   ErrEnded
//	done      yes      ErrDone         ErrDone       ErrDone    ErrDone    ErrDone    ErrDone
//
// The package documentation has the same table, and a test compares both with what
// happens. Discard is allowed in every phase, and never changes it.
type phase uint8

const (
	fresh  phase = iota // nothing of it is stored
	stored              // what the handler sees was made of what is stored
	viewed              // stored, and shown by Manager.View
	failed              // a commit has failed for good: see failLocked
	ended               // its record or its token is gone
	done                // the handler has returned
)

// refusalLocked returns why the session cannot be changed, nil where it can.
func (s *Session) refusalLocked() error {
	switch s.phase {
	case viewed:
		return errViewed
	case failed:
		return s.rare.failure
	case ended:
		return change.ErrEnded
	case done:
		return ErrDone
	}
	return nil
}

// changeable tells whether the session is stored, or why there is nothing to be done
// with it any more.
func (s *Session) changeable() (isStored bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return s.phase == stored, s.refusalLocked()
}

// readable is changeable for what only looks at the store.
func (s *Session) readable() (isStored bool, err error) {
	isStored, err = s.changeable()
	if err == errViewed {
		return true, nil
	}
	return isStored, err
}

// The transitions from phase to phase follow.

// OnlyView makes a session of ByID one that is shown and not changed.
func (s *Session) OnlyView() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.toLocked(viewed)
}

// toLocked brings a phase about. None follows done.
func (s *Session) toLocked(p phase) {
	if s.phase != done {
		s.phase = p
	}
}

// adoptLocked makes the session that of a record, of which the draft was made.
func (s *Session) adoptLocked(generation uint64) {
	s.toLocked(stored)
	s.generation, s.isNew = generation, false
}

// replaceLocked puts another session in the place of this one.
func (s *Session) replaceLocked(st state) {
	if s.phase == done {
		st.phase = done
	}
	s.state = st
}

// resetLocked makes s a new, anonymous session, whose cookie is cleared if the
// client may hold one.
func (s *Session) resetLocked() {
	due := dueNone
	if s.clientHas && !s.headersSent {
		due = dueClear
	}
	s.replaceLocked(state{isNew: true, due: due, draft: change.Begin(store.ID{}, envelope.MillisOf(time.Now()))})
	s.forgetPastLocked()
}

// failLocked is for a commit of which nobody knows whether it has written, and for one whose
// error the client is told. What is pending stays for the handler to see, and for no other
// commit.
func (s *Session) failLocked(err error) {
	s.rareLocked().failure = err
	s.toLocked(failed)
}

// endLocked makes s what it is once its record or its token is gone: empty,
// and without a cookie, to set or to clear.
func (s *Session) endLocked() {
	s.lost = len(s.ops) > 0
	s.draft = change.Draft{Rec: change.Record{ID: s.draft.Rec.ID}}
	s.ops, s.due = nil, dueNone
	s.toLocked(ended)
}

// Close drops what is pending and refuses changes from here on. It tells whether the
// session may have something to tell the Observer.
func (s *Session) Close() (notes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops, s.phase = nil, done
	return s.anyNotesLocked() != nil
}

// CloseIdle closes the session if it has nothing to write but the times, and nothing to tell the
// Observer.
func (s *Session) CloseIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ops) > 0 || s.lost || s.anyNotesLocked() != nil || s.phase == fresh && s.draft.Count() > 0 {
		return false
	}
	s.phase = done
	return true
}
