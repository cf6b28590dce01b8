package change

import (
	"errors"
	"fmt"
	"time"

	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
)

// An Op is one operation of a request on its session. It is kept until it is
// committed, and applied again to a newer record where a commit has to merge.
type Op struct {
	Kind      Kind
	Key       string
	Value     envelope.Value // set: the value; pop: the one taken; update: the one that update made of was; label
	Took      *Taken         // take
	*Updating                // update
	*Signing                 // from lifetime on
}

// Updating is what an op has that is an update.
type Updating struct {
	Update UpdateFunc
	Was    envelope.Value // before
	Had    bool           // whether there was one
}

// Signing is what an op has that gives the client another token. Those that are
// pending together have one secret between them.
type Signing struct {
	At       time.Time
	Secret   *sid.Secret       // the new one; a pointer, which fmt does not follow
	Hash     sid.Hash          // of secret
	Subject  string            // login, reauthenticate: as the store has it
	Level    uint8             // reauthenticate
	Client   envelope.Client   // login
	Lifetime envelope.Lifetime // lifetime
}

// A Taken is what a Take has got: what was there when it was committed.
type Taken struct {
	Value envelope.Value
	OK    bool
}

// A Kind says what an operation does. Their order has a meaning: see NewToken, Kills
// and Add.
type Kind int8

const (
	Set    Kind = iota // puts a value
	Update             // puts what a function makes of the value before
	Delete             // removes a value
	Pop                // removes a value, if it is still the one that was seen
	Take               // removes a value, and tells which it was
	Clear              // removes all values
	Label              // names the client's device
	// All from Lifetime on give the client another token.
	Lifetime // gives the session a lifetime of its own
	// All from Login on kill the tokens of before.
	Login          // binds the session to a subject
	Reauthenticate // notes that the subject has proved once more who they are
	Renew          // replaces the token
)

// NewToken tells whether the client gets another token.
func (k Kind) NewToken() bool { return k >= Lifetime }

// Kills tells whether every token of before dies at once.
func (k Kind) Kills() bool { return k >= Login }

// An UpdateFunc returns what a value becomes; ok tells whether there was one.
type UpdateFunc func(old envelope.Value, ok bool) (envelope.Value, error)

// ErrMoved says that a value is no longer what an update was made of.
var ErrMoved = errors.New("session: the value changed")

// ApplyFirst applies o to what its own request sees.
func (o *Op) ApplyFirst(d *Draft, r *Rules) error {
	if o.Kind != Update {
		return o.Apply(d, r)
	}
	if was, had := d.Lookup(o.Key); had != o.Had || !was.Equal(o.Was) {
		return ErrMoved
	}
	return d.set(o.Key, o.Value, r)
}

// Apply applies o to a record, which may be newer than the one that the
// request has seen.
func (o *Op) Apply(d *Draft, r *Rules) error {
	switch o.Kind {
	case Set:
		return d.set(o.Key, o.Value, r)
	case Update:
		old, ok := d.Lookup(o.Key)
		val, err := o.Update(old, ok)
		if err != nil {
			return err
		}
		return d.set(o.Key, val, r)
	case Delete:
		d.delete(o.Key)
	case Pop:
		if v, ok := d.Lookup(o.Key); !ok || !v.Equal(o.Value) {
			return fmt.Errorf("%w: the value of %q was taken or replaced", ErrConflict, o.Key)
		}
		d.delete(o.Key)
	case Take:
		o.Took.Value, o.Took.OK = d.Lookup(o.Key)
		d.delete(o.Key)
	case Clear:
		d.clear()
	case Label:
		d.ChangeMeta().SetLabel(string(o.Value.Data))
	case Login:
		meta := d.ChangeMeta()
		meta.Lifetime, meta.OwnLifetime = envelope.Lifetime{}, false
		meta.EndSignIn()
		meta.SetClient(o.Client)
		d.login(o, r)
	case Reauthenticate:
		if d.Subject() != o.Subject {
			return ErrEnded // another sign-in came first
		}
		d.login(o, r)
	case Lifetime:
		return d.setLifetime(o, r)
	case Renew:
		d.ChangeMeta().Kill(o.Hash, o.At, r.Grace)
	}
	return nil
}

// ShareSecret gives o the secret of those operations before it that were not
// committed yet, and so were not sent to anybody. So one commit kills once.
func (o *Op) ShareSecret(pending []Op) {
	for i := range pending {
		if p := &pending[i]; p.Kind.NewToken() {
			o.Secret, o.Hash = p.Secret, p.Hash
		}
	}
}

// Hides tells whether nothing that was stored under a key shows after o.
func (o *Op) Hides(key string) bool {
	return o.Kind == Clear || o.Key == key && (o.Kind == Set || o.Kind == Delete || o.Kind == Pop)
}
