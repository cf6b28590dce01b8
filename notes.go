package session

import (
	"context"
	"fmt"
	"slices"
)

// notes are what a session has told its Observer of, or has to tell, beside what
// it commits. Few requests have any.
type notes struct {
	undecodable []string // the keys that were reported
}

func (s *Session) notesLocked() *notes {
	if s.notes == nil {
		s.notes = new(notes)
	}
	return s.notes
}

// context is where the events of a session belong that happen outside of a commit.
func (s *Session) context() context.Context {
	if s.request == nil {
		return context.Background()
	}
	return s.request.Context()
}

func undecodable(key string, err error) error {
	return fmt.Errorf("%w: key %q: %w", ErrUndecodable, key, err)
}

// undecodable reports a value that does not decode, once. It counts as absent: a
// changed type must not lock its users out.
func (s *Session) undecodable(key string, err error) {
	s.mu.Lock()
	n := s.notesLocked()
	told := slices.Contains(n.undecodable, key)
	if !told {
		n.undecodable = append(n.undecodable, key)
	}
	e := Event{Kind: EventUndecodable, ID: s.idLocked(), Subject: s.draft.subject(), Key: key, Err: undecodable(key, err)}
	s.mu.Unlock()
	if !told {
		s.m.report(s.context(), e)
	}
}
