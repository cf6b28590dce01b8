package session

import (
	"errors"
	"fmt"
	"time"

	"github.com/b4468f51/session/internal/envelope"
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
	val       envelope.Value // set: the value; pop: the one taken; update: the one that update made of was; label
	took      *taken         // take
	*updating                // update
	*signing                 // from lifetime on
}

// updating is what an op has that is an update.
type updating struct {
	update updateFunc
	was    envelope.Value // before
	had    bool           // whether there was one
}

// signing is what an op has that gives the client another token. Those that are
// pending together have one secret between them.
type signing struct {
	at       time.Time
	secret   *sid.Secret       // the new one; a pointer, which fmt does not follow
	hash     sid.Hash          // of secret
	subject  string            // login, reauthenticate: as the store has it
	level    uint8             // reauthenticate
	client   envelope.Client   // login
	lifetime envelope.Lifetime // lifetime
}

// A taken is what a Take has got: what was there when it was committed.
type taken struct {
	val envelope.Value
	ok  bool
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

type updateFunc func(old envelope.Value, ok bool) (envelope.Value, error)

// errMoved says that a value is no longer what an update was made of.
var errMoved = errors.New("session: the value changed")

// applyFirst applies o to what its own request sees.
func (o *op) applyFirst(d *draft, r *rules) error {
	if o.kind != opUpdate {
		return o.apply(d, r)
	}
	if was, had := d.lookup(o.key); had != o.had || !was.Equal(o.was) {
		return errMoved
	}
	return d.set(o.key, o.val, r)
}

// apply applies o to a record, which may be newer than the one that the
// request has seen.
func (o *op) apply(d *draft, r *rules) error {
	switch o.kind {
	case opSet:
		return d.set(o.key, o.val, r)
	case opUpdate:
		old, ok := d.lookup(o.key)
		val, err := o.update(old, ok)
		if err != nil {
			return err
		}
		return d.set(o.key, val, r)
	case opDelete:
		d.delete(o.key)
	case opPop:
		if v, ok := d.lookup(o.key); !ok || !v.Equal(o.val) {
			return fmt.Errorf("%w: the value of %q was taken or replaced", errConflict, o.key)
		}
		d.delete(o.key)
	case opTake:
		o.took.val, o.took.ok = d.lookup(o.key)
		d.delete(o.key)
	case opClear:
		d.clear()
	case opLabel:
		d.change().meta.SetLabel(string(o.val.Data))
	case opLogin:
		meta := &d.change().meta
		meta.Lifetime, meta.OwnLifetime = envelope.Lifetime{}, false
		meta.EndSignIn()
		meta.SetClient(o.client)
		d.login(o, r)
	case opReauthenticate:
		if d.subject() != o.subject {
			return errEnded // another sign-in came first
		}
		d.login(o, r)
	case opLifetime:
		return d.setLifetime(o, r)
	case opRenew:
		d.change().meta.Kill(o.hash, o.at, r.grace)
	}
	return nil
}

// shareSecret gives o the secret of those operations before it that were not
// committed yet, and so were not sent to anybody. So one commit kills once.
func (o *op) shareSecret(pending []op) {
	for i := range pending {
		if p := &pending[i]; p.kind.newToken() {
			o.secret, o.hash = p.secret, p.hash
		}
	}
}

// hides tells whether nothing that was stored under a key shows after o.
func (o *op) hides(key string) bool {
	return o.kind == opClear || o.key == key && (o.kind == opSet || o.kind == opDelete || o.kind == opPop)
}
