package life

import (
	"fmt"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
)

// Ready returns why the session cannot be changed, if so.
func (s *Session) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return s.readyLocked(change.Set)
}

func (s *Session) readyLocked(k change.Kind) error {
	err := s.refusalLocked()
	switch {
	case err != nil && (err != change.ErrEnded || k != change.Login):
		return err
	case s.headersSent && (k.NewToken() || s.host.Sealed() || s.phase == fresh && k <= change.Update):
		return ErrHeadersSent
	}
	return nil
}

// Apply makes an operation part of the session.
func (s *Session) Apply(o change.Op) error {
	s.mu.Lock()
	err := s.applyLocked(o)
	s.mu.Unlock()
	if err != nil && err != change.ErrMoved && o.Kind != change.Pop { // Pop says so by what it returns
		return s.Refuse(o.Kind, o.Key, err)
	}
	return err
}

func (s *Session) applyLocked(o change.Op) error {
	s.used = true
	if err := s.readyLocked(o.Kind); err != nil {
		return err
	}
	if o.Kind == change.Login && (s.phase == ended || s.draft.BelongsToAnother(o.Subject)) {
		s.beginAnotherLocked(o.Subject)
	}
	if !s.unapplied && o.ChangesNothing(&s.draft, s.phase == fresh) {
		return nil
	}
	if o.Kind.NewToken() {
		o.ShareSecret(s.ops)
	}
	ops, err := change.Add(s.ops, o, s.phase == fresh, &s.host.Rules)
	if err != nil {
		return err
	}
	if err := o.ApplyFirst(&s.draft, &s.host.Rules); err != nil {
		return err
	}
	s.ops = ops
	s.changes++
	s.madeLocked(o.Kind, o.Key)
	return nil
}

// Update records an update whose function runs without a lock, so that one
// which uses the session against the rules does not hang.
func (s *Session) Update(key string, f change.UpdateFunc) error {
	for range maxRounds {
		s.mu.Lock()
		s.used = true
		err := s.readyLocked(change.Update)
		old, ok := s.draft.Lookup(key)
		s.mu.Unlock()
		if err != nil {
			return s.Refuse(change.Update, key, err)
		}
		val, err := f(old, ok)
		if err != nil {
			return err
		}
		if err := s.Apply(change.Op{Kind: change.Update, Key: key, Value: val, Updating: &change.Updating{Update: f, Was: old, Had: ok}}); err != change.ErrMoved {
			return err
		}
	}
	err := fmt.Errorf("%w: the value of %q changed each time that the function of Update ran, %d times", change.ErrConflict, key, maxRounds)
	return s.Refuse(change.Update, key, err)
}

// Sign records an operation that gives the client another token. A Login is of another
// session than a commit that is under way: it waits for that.
func (s *Session) Sign(kind change.Kind, with change.Signing) error {
	if kind == change.Login {
		s.takeTurn()
		defer s.endTurn()
	}
	secret := sid.NewSecret()
	with.At, with.Secret, with.Hash = envelope.Truncate(time.Now()), &secret, secret.Hash(s.host.Realm)
	return s.Apply(change.Op{Kind: kind, Signing: &with})
}

// newTokenLocked tells whether what is pending gives the client another token.
func (s *Session) newTokenLocked() bool {
	return slices.ContainsFunc(s.ops, func(o change.Op) bool { return o.Kind.NewToken() })
}

// dropUnchangedLocked drops the pending operations where all of them together
// leave the session as it was loaded: then there is nothing to write. Pop, Take and
// Clear are always written, since they have to meet what others have written
// meanwhile. It is for the one who has the turn: no operations are under way.
func (s *Session) dropUnchangedLocked() {
	if len(s.ops) == 0 || s.unapplied || s.phase != stored || !s.draft.Changed() {
		return
	}
	conditional := func(o change.Op) bool { return o.Kind > change.Delete && o.Kind != change.Label }
	if !slices.ContainsFunc(s.ops, conditional) && s.draft.Unchanged() {
		s.ops = nil
		s.draft.Drop()
	}
}
