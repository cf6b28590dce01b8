package session

import (
	"errors"
	"slices"
)

// ready returns why the session cannot be changed, if so.
func (s *Session) ready() error {
	if s == nil {
		return ErrNoSession
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return s.readyLocked(opSet)
}

func (s *Session) readyLocked(k opKind) error {
	err := s.openLocked(true)
	switch {
	case err != nil && (err != ErrEnded || k != opLogin):
		return err
	case s.headersSent && (k.newToken() || s.m.sealer != nil || !s.stored && k <= opUpdate):
		return ErrHeadersSent
	}
	return nil
}

// open tells whether the session is stored, or why there is nothing to be done with
// it any more, to change it or to see what others have changed.
func (s *Session) open(change bool) (stored bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return s.stored, s.openLocked(change)
}

func (s *Session) openLocked(change bool) error {
	switch {
	case s.done:
		return ErrDone
	case s.viewed && change:
		return errViewed
	case s.ended:
		return ErrEnded
	}
	return nil
}

// errViewed is returned for a change in View.
var errViewed = errors.New("session: View shows the session and changes nothing: use Manager.Edit")

// apply makes an operation part of the session.
func (s *Session) apply(o op) error {
	if s == nil {
		return ErrNoSession
	}
	s.mu.Lock()
	err := s.applyLocked(o)
	s.mu.Unlock()
	if err != nil && err != errMoved && o.kind != opPop { // Pop says so by what it returns
		return s.refuse(o.kind, o.key, err)
	}
	return err
}

func (s *Session) applyLocked(o op) error {
	s.used = true
	if err := s.readyLocked(o.kind); err != nil {
		return err
	}
	if o.kind == opLogin && (s.ended || s.draft.belongsToAnother(o.subject)) {
		s.beginAnotherLocked(o.subject)
	}
	if o.changesNothing(&s.draft, !s.stored) {
		return nil
	}
	if o.kind.newToken() {
		o.shareSecret(s.ops)
	}
	ops, err := addOp(s.ops, o, !s.stored, &s.m.rules)
	if err != nil {
		return err
	}
	if err := o.applyFirst(&s.draft, &s.m.rules); err != nil {
		return err
	}
	s.ops = ops
	s.changes++
	s.madeLocked(o.kind, o.key)
	return nil
}

// update records an update whose function runs without a lock, so that one
// which uses the session against the rules does not hang.
func (s *Session) update(key string, f updateFunc) error {
	if err := validKey(key); err != nil { // that of a zero Key
		return s.refuse(opUpdate, "", err)
	}
	for {
		s.mu.Lock()
		s.used = true
		err := s.readyLocked(opUpdate)
		old, ok := s.draft.lookup(key)
		s.mu.Unlock()
		if err != nil {
			return s.refuse(opUpdate, key, err)
		}
		val, err := f(old, ok)
		if err != nil {
			return err
		}
		if err := s.apply(op{kind: opUpdate, key: key, val: val, updating: &updating{f, old, ok}}); err != errMoved {
			return err
		}
	}
}

// newTokenLocked tells whether what is pending gives the client another token.
func (s *Session) newTokenLocked() bool {
	return slices.ContainsFunc(s.ops, func(o op) bool { return o.kind.newToken() })
}
