package session

import "errors"

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
	if s.changesNothingLocked(o) {
		return nil
	}
	if o.kind.newToken() {
		o.shareSecret(s.ops)
	}
	ops, err := s.pendingLocked(o)
	if err != nil {
		return err
	}
	if err := o.applyFirst(&s.draft, s.m); err != nil {
		return err
	}
	s.ops = ops
	s.changes++
	s.madeLocked(o.kind, o.key)
	return nil
}
