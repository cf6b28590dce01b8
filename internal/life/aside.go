package life

import (
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/store"
)

// A past is what a request has to do with sessions other than its own.
type past struct {
	killed *change.Draft // the session whose killed token the request came with
	before *state        // what a Login that began another session has put aside
	over   bool          // before has ended, or may have
	left   []ending      // the sessions that Logins have put aside: the commit ends them
	others []ending      // those that a Login or Destroy ends besides

	// several are the tokens that the request brought, of which none was taken. They are read
	// with the request: a handler may take the cookies out of it.
	several []string
}

func (s *Session) pastLocked() *past {
	r := s.rareLocked()
	if r.past == nil {
		r.past = new(past)
	}
	return r.past
}

// anyPastLocked returns the past, and nil if there is none.
func (s *Session) anyPastLocked() *past {
	if s.rare == nil {
		return nil
	}
	return s.rare.past
}

func (s *Session) forgetPastLocked() {
	if s.rare != nil {
		s.rare.past = nil
	}
}

// beginAnotherLocked begins a new session for a Login, because the present one has ended or
// belongs to another subject. The commit ends the other subject's session first.
func (s *Session) beginAnotherLocked(subject string) {
	s.asideLocked()
	p := s.anyPastLocked()
	if s.phase == stored {
		p.left = append(p.left, ending{s.draft.Rec.ID, s.draft.Rec.Subject})
	}
	s.replaceLocked(state{isNew: true, draft: change.Begin(store.ID{}, envelope.MillisOf(time.Now()))})
	if p.killed != nil { // by another sign-in, if that was of the same subject
		s.draft.Inherit(p.killed, subject)
	}
}

// asideLocked keeps the state of the last commit, for takeBackLocked.
func (s *Session) asideLocked() {
	if p := s.pastLocked(); p.before == nil {
		before := s.state
		p.before = &before
	}
}

// takeBackLocked undoes beginAnotherLocked, as often as it was called.
func (s *Session) takeBackLocked() {
	p := s.anyPastLocked()
	if p == nil || p.before == nil {
		return
	}
	was := s.phase
	s.replaceLocked(*p.before)
	s.rare.past = &past{killed: p.killed, others: p.others, several: p.several}
	if p.over {
		s.ops = nil
		s.endLocked()
	}
	if was == failed {
		s.failLocked(s.rare.failure)
	}
}
