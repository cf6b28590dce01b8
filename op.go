package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/sid"
)

// An op is one operation of a request on its session. It is kept until it is
// committed, and applied again to a newer record where a commit has to merge.
type op struct {
	kind opKind

	// inDoubt is the count in the version of the first write that held this op
	// and may have happened; 0 for none.
	inDoubt uint32

	key       string
	val       value  // set: the value; pop: the one taken; update: the one that update made of was; label
	took      *taken // take
	*updating        // update
	*signing         // from lifetime on
}

// updating is what an op has that is an update.
type updating struct {
	update updateFunc
	was    value // before
	had    bool  // whether there was one
}

// signing is what an op has that gives the client another token. Those that are
// pending together have one secret between them.
type signing struct {
	at       time.Time
	secret   *sid.Secret // the new one; a pointer, which fmt does not follow
	hash     sid.Hash    // of secret
	subject  string      // login, reauthenticate: as the store has it
	level    uint8       // reauthenticate
	client   []byte      // login: as tagClient has it
	lifetime Lifetime    // lifetime
}

type opKind int8

const (
	opSet opKind = iota
	opUpdate
	opDelete
	opPop
	opTake
	opClear
	opLabel
	opLifetime
	opLogin
	opReauthenticate
	opRenew
)

// newToken tells whether the client gets another token.
func (k opKind) newToken() bool { return k >= opLifetime }

// kills tells whether every token of before dies at once.
func (k opKind) kills() bool { return k >= opLogin }

type updateFunc func(old value, ok bool) (value, error)

// errMoved says that a value is no longer what an update was made of.
var errMoved = errors.New("session: the value changed")

// applyFirst applies o to what its own request sees.
func (o *op) applyFirst(d *draft, m *Manager) error {
	if o.kind != opUpdate {
		return o.apply(d, m)
	}
	if was, had := d.lookup(o.key); had != o.had || !was.equal(o.was) {
		return errMoved
	}
	return d.set(o.key, o.val, &m.limits)
}

// apply applies o to a record, which may be newer than the one that the
// request has seen.
func (o *op) apply(d *draft, m *Manager) error {
	switch o.kind {
	case opSet:
		return d.set(o.key, o.val, &m.limits)
	case opUpdate:
		old, ok := d.lookup(o.key)
		val, err := o.update(old, ok)
		if err != nil {
			return err
		}
		return d.set(o.key, val, &m.limits)
	case opDelete:
		d.delete(o.key)
	case opPop:
		if v, ok := d.lookup(o.key); !ok || !v.equal(o.val) {
			return fmt.Errorf("%w: the value of %q was taken or replaced", ErrConflict, o.key)
		}
		d.delete(o.key)
	case opTake:
		o.took.val, o.took.ok = d.lookup(o.key)
		d.delete(o.key)
	case opClear:
		d.clear()
	case opLabel:
		d.change().meta.setTail(tagLabel, o.val.data)
	case opLogin:
		meta := &d.change().meta
		meta.lifetime, meta.ownLifetime = Lifetime{}, false
		meta.endSignIn()
		if o.client != nil {
			meta.setTail(tagClient, o.client)
		}
		d.login(o, m)
	case opReauthenticate:
		if d.subject() != o.subject {
			return ErrEnded // another sign-in came first
		}
		d.login(o, m)
	case opLifetime:
		return d.setLifetime(o, m)
	case opRenew:
		d.change().meta.kill(o.hash, o.at, m.cfg.Grace)
	}
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

// changesNothingLocked tells that there is no need to keep o.
func (s *Session) changesNothingLocked(o op) bool {
	switch o.kind {
	case opDelete:
		_, ok := s.draft.lookup(o.key)
		return !ok
	case opClear:
		return !s.stored && s.draft.count() == 0
	case opRenew:
		return !s.stored // a new session gets a new token anyway
	}
	return false
}

// pendingLocked returns the pending operations with o added, and those left
// out that o makes pointless.
func (s *Session) pendingLocked(o op) ([]op, error) {
	ops := s.ops
	first := 0 // the first operation that o may make pointless
	for i := range ops {
		// What was taken out must have been there: keep what put it there.
		if ops[i].kind == opPop && (o.kind == opClear || ops[i].key == o.key) {
			first = i + 1
		}
	}
	pointless := func(p op) bool {
		return p.kind <= opDelete && (o.kind == opClear || p.key == o.key)
	}
	if o.kind == opSet || o.kind == opDelete || o.kind == opClear {
		if slices.ContainsFunc(ops[first:], pointless) {
			ops = slices.Concat(ops[:first], slices.DeleteFunc(slices.Clone(ops[first:]), pointless))
		}
	}
	if !o.kind.newToken() && len(ops) >= s.m.limits.pending {
		return nil, fmt.Errorf("%w: %d changes are pending, Config.MaxPending is %d: call Save to commit them",
			ErrTooLarge, len(ops), s.m.limits.pending)
	}
	if ops == nil {
		room := 1 // most requests that change a session change one value
		if !s.stored {
			room = 4
		}
		ops = make([]op, 0, room)
	}
	return append(ops, o), nil
}
