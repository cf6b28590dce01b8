package session

import (
	"slices"
	"time"
)

// A past is what a request has to do with sessions beside its own. Few have any.
type past struct {
	killed *draft   // the session whose killed token the request came with
	before *state   // what a Login that began another session has put aside
	over   bool     // before has ended, or may have
	ends   []ending // the sessions that the commit of a Login puts an end to
}

// An ending is a session that gives way to another.
type ending struct {
	id      ID
	subject string // as the store has it
}

func (s *Session) pastLocked() *past {
	if s.past == nil {
		s.past = new(past)
	}
	return s.past
}

// beginAnotherLocked puts a new session in the place of one that has ended or is
// another subject's, for a Login. The commit ends the other first.
func (s *Session) beginAnotherLocked(subject string) {
	s.asideLocked()
	p := s.past
	p.ends = s.endingLocked()
	s.state = state{isNew: true, draft: draft{rec: saved{created: millisOf(time.Now())}}}
	if p.killed != nil { // by another sign-in, if that was of the same subject
		s.draft.inherit(p.killed, subject)
	}
	s.changes++
}

// endingLocked returns the sessions that end if this one does.
func (s *Session) endingLocked() []ending {
	var ends []ending
	if s.past != nil {
		ends = slices.Clip(s.past.ends)
	}
	if s.stored || s.inDoubt != nil {
		ends = append(ends, ending{s.draft.rec.id, s.draft.rec.subject})
	}
	return ends
}

// asideLocked keeps what the session was when the request last committed.
func (s *Session) asideLocked() {
	if p := s.pastLocked(); p.before == nil {
		before := s.state
		p.before = &before
	}
}

// takeBackLocked undoes beginAnotherLocked, as often as it was called.
func (s *Session) takeBackLocked() {
	p := s.past
	if p == nil || p.before == nil {
		return
	}
	s.state, s.past = *p.before, &past{killed: p.killed}
	s.changes++
	if p.over {
		s.ops = nil
		s.endLocked()
	}
}

// endOthers ends the sessions in whose place this one comes. It does so before
// this one is written: whatever fails, nobody is signed in twice.
func (c *commit) endOthers() error {
	for ; c.over < len(c.ends); c.over++ {
		c.s.mu.Lock()
		c.s.pastLocked().over = true
		c.s.mu.Unlock()
		old := c.ends[c.over]
		if err := c.m.remove(c.ctx, old.id); err != nil {
			return err
		}
		c.m.report(c.ctx, Event{Kind: EventRevoked, ID: old.id, Subject: old.subject})
	}
	return nil
}
