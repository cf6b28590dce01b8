package life

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/b4468f51/session/internal/change"
)

// notes are what a session has reported, or has to report, other than what it commits.
type notes struct {
	undecodable []string // the keys that were reported

	unsaved     []unsavedChange // the changes that were refused, and not made since
	toldUnsaved bool
}

// An unsavedChange is one that returned an error.
type unsavedChange struct {
	kind change.Kind // of what has no key; change.Set for all others
	key  string      // what it was to change
	err  error
}

// unsavedBy returns the error of a change of a value, or of what has no key.
func unsavedBy(kind change.Kind, key string, err error) unsavedChange {
	if key != "" {
		kind = change.Set
	}
	return unsavedChange{kind, key, err}
}

func (c unsavedChange) same(o unsavedChange) bool { return c.kind == o.kind && c.key == o.key }

// maxUnsaved bounds the keys that are remembered. One of them is told.
const maxUnsaved = 16

// anyNotesLocked returns the notes, and nil if there are none.
func (s *Session) anyNotesLocked() *notes {
	if s.rare == nil {
		return nil
	}
	return s.rare.notes
}

func (s *Session) notesLocked() *notes {
	r := s.rareLocked()
	if r.notes == nil {
		r.notes = new(notes)
	}
	return r.notes
}

// context returns the context for events outside of a commit.
func (s *Session) context() context.Context {
	if s.request == nil {
		return context.Background()
	}
	return s.request.Context()
}

// UndecodableError returns an ErrUndecodable of a value.
func UndecodableError(key string, err error) error { return &undecodableError{key, err} }

// An undecodableError is an ErrUndecodable. Its text is for logs, and shows nothing of the
// value.
type undecodableError struct {
	key string
	err error
}

func (e *undecodableError) Error() string {
	return fmt.Sprintf("%v: key %q: %s", ErrUndecodable, e.key, uncited(e.err))
}

func (e *undecodableError) Unwrap() []error { return []error{ErrUndecodable, e.err} }

// uncited returns the text of an error up to its first quotation. What is quoted comes from a
// client or the store: it may be a password, and of any length.
func uncited(err error) string {
	text, _, _ := strings.Cut(err.Error(), `"`)
	return strings.TrimRight(text, ": ")
}

// Undecodable reports a value that does not decode, once. It counts as absent: a
// changed type must not lock its users out.
func (s *Session) Undecodable(key string, err error) {
	s.mu.Lock()
	n := s.notesLocked()
	told := slices.Contains(n.undecodable, key)
	if !told {
		n.undecodable = append(n.undecodable, key)
	}
	e := Event{Kind: Undecodable, ID: s.idLocked(), Subject: s.draft.Subject(), Key: key, Err: UndecodableError(key, err)}
	s.mu.Unlock()
	if !told {
		s.host.Report(s.context(), e)
	}
}

// Refuse notes the error of a refused change, and returns it. If the handler ignores it,
// TellUnsaved reports it.
func (s *Session) Refuse(kind change.Kind, key string, err error) error {
	s.mu.Lock()
	s.refuseLocked(unsavedBy(kind, key, err))
	late := s.phase == done
	s.mu.Unlock()
	if late {
		s.TellUnsaved(s.context())
	}
	return err
}

func (s *Session) refuseLocked(c unsavedChange) {
	n := s.notesLocked()
	if len(n.unsaved) < maxUnsaved && !slices.ContainsFunc(n.unsaved, c.same) {
		n.unsaved = append(n.unsaved, c)
	}
}

// madeLocked forgets the error of a change that was made after all.
func (s *Session) madeLocked(kind change.Kind, key string) {
	if n := s.anyNotesLocked(); n != nil && n.unsaved != nil {
		n.unsaved = slices.DeleteFunc(n.unsaved, unsavedBy(kind, key, nil).same)
	}
}

// AnsweredUnsaved forgets the errors, because the status tells the client.
func (s *Session) AnsweredUnsaved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.anyNotesLocked(); n != nil {
		n.unsaved = nil
	}
}

// TellUnsaved reports once that a change was refused. The answer is no error, so the client
// may believe that the change was made.
func (s *Session) TellUnsaved(ctx context.Context) {
	s.mu.Lock()
	n := s.anyNotesLocked()
	if n == nil || len(n.unsaved) == 0 || n.toldUnsaved {
		s.mu.Unlock()
		return
	}
	n.toldUnsaved = true
	e := Event{Kind: Unsaved, ID: s.idLocked(), Subject: s.draft.Subject(), Key: n.unsaved[0].key, Err: n.unsaved[0].err}
	s.mu.Unlock()
	s.host.Report(ctx, e)
}
