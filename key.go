package session

import (
	"context"
	"fmt"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/life"
)

// A Key is the name of a value together with its type. Handlers need neither type assertions
// nor registration. Keys are usually package variables. A Key may be used by several
// goroutines at once.
//
//	var cart = session.NewKey[Cart]("cart")
//
// A program may change the type of a key from one deployment to the next if the values fit:
// numbers convert between the numeric types if nothing is lost, and a named type converts to
// and from its underlying type. Values that went through Config.Codec, see [Session.Set],
// are what the codec reads as a T. encoding/json reads every number in an any as a float64,
// which has 53 bits: give a large integer a field of its own type.
type Key[T any] struct{ name string }

// NewKey returns the key of a name, which has 1 to 256 bytes. It panics if the name has
// another length.
func NewKey[T any](name string) Key[T] {
	if err := validKey(name); err != nil {
		panic(err)
	}
	return Key[T]{name}
}

// Name returns the name, as [Session.Keys] yields it.
func (k Key[T]) Name() string { return k.name }

// Get returns the value, and false if there is none. A value that is not a T, as after a
// deployment that changed the type, counts as absent. It is reported as an
// [EventUndecodable], once a request, and stays as it is until the key is set. [Key.Check]
// tells such a value from none.
func (k Key[T]) Get(s *Session) (T, bool) {
	v, ok := s.lookup(k.name)
	if !ok {
		var zero T
		return zero, false
	}
	return k.decode(s, v)
}

func (k Key[T]) decode(s *Session, v envelope.Value) (T, bool) {
	t, err := envelope.DecodeAs[T](s.m.cfg.Codec, v)
	if err != nil {
		s.life.Undecodable(k.name, err)
	}
	return t, err == nil
}

// Check returns an error that wraps [ErrUndecodable] if there is a value and it is not a T.
// Use it where such a value must not pass for none. It reports no event. A Key of the same
// name and the former type can still read the value.
func (k Key[T]) Check(s *Session) error {
	v, ok := s.lookup(k.name)
	if !ok {
		return nil
	}
	if _, err := envelope.DecodeAs[T](s.m.cfg.Codec, v); err != nil {
		return life.UndecodableError(k.name, err)
	}
	return nil
}

// Set puts the value, as [Session.Set] does. It refuses every value if T is an interface type
// other than any, unless Config.Codec is the program's own.
func (k Key[T]) Set(s *Session, v T) error {
	if s == nil {
		return ErrNoSession
	}
	if err := s.life.Ready(); err != nil {
		return s.life.Refuse(change.Set, k.name, err)
	}
	val, err := envelope.EncodeAs(s.m.cfg.Codec, v)
	if err != nil {
		return s.life.Refuse(change.Set, k.name, fmt.Errorf("session: set %q: %w", k.name, err))
	}
	return s.put(k.name, val)
}

// Delete removes the value, as [Session.Delete] does.
func (k Key[T]) Delete(s *Session) error { return s.Delete(k.name) }

// Update replaces the value by what f returns for it. f gets the zero T if there is no value,
// or none that is a T, see [Key.Get]. No update is lost to a concurrent request: if another
// request commits first, the commit calls f again with the newer value. So f must be pure.
// It may run several times, also on another goroutine, and must not use the session. The
// value that is stored may differ from what f returned first.
//
// An error of f changes nothing. Update returns it; if the newer value causes it, the commit
// does, and then Config.ErrorHandler answers, unless the handler calls [Session.Save] to see
// the error. Other errors are those of [Session.Set].
func (k Key[T]) Update(s *Session, f func(T) (T, error)) error {
	if s == nil {
		return ErrNoSession
	}
	if err := validKey(k.name); err != nil { // that of a zero Key
		return s.life.Refuse(change.Update, "", err)
	}
	return s.life.Update(k.name, func(old envelope.Value, ok bool) (envelope.Value, error) {
		var t T
		if ok {
			t, _ = k.decode(s, old)
		}
		t, err := f(t)
		if err != nil {
			return envelope.Value{}, err
		}
		v, err := envelope.EncodeAs(s.m.cfg.Codec, t)
		if err != nil {
			err = s.life.Refuse(change.Update, k.name, fmt.Errorf("session: update %q: %w", k.name, err))
		}
		return v, err
	})
}

// Pop returns the value and removes it, for what is shown once. If concurrent requests pop
// one value, one of them commits, and the commits of the others fail with [ErrConflict]. Pop
// returns false, and removes nothing, if there is no value, if it is not a T, or if the
// session cannot be changed.
func (k Key[T]) Pop(s *Session) (T, bool) {
	var zero T
	v, ok := s.lookup(k.name)
	if !ok {
		return zero, false
	}
	t, ok := k.decode(s, v)
	if !ok || s.apply(change.Op{Kind: change.Pop, Key: k.name, Value: v}) != nil {
		return zero, false
	}
	return t, true
}

// Take removes the value and returns it, for what is used up as soon as somebody has seen
// it. If concurrent requests take one value, one of them gets it and the others find none.
// No commit fails for it, as one may with [Key.Pop].
//
// Take commits the removal at once and alone: it lasts even if the page fails, and all other
// pending changes stay pending. Take returns the newest value of the store, with this
// request's own pending updates of it applied. Nobody else can take a value that this
// request has set or cleared itself, nor one of a session that is new or sealed: the removal
// is then pending like any change.
//
// Without a value Take costs nothing. It removes a value that is not a T, too, reports it as
// an [EventUndecodable], and returns false.
//
// Errors are those of [Session.Save] and of the function of an Update. After an error the
// value is still there, unless the answer of the store was lost. ctx is used as in Save.
func (k Key[T]) Take(ctx context.Context, s *Session) (T, bool, error) {
	var zero T
	if _, ok := s.lookup(k.name); !ok {
		return zero, false, nil
	}
	v, ok, err := s.life.Take(ctx, k.name)
	if err != nil || !ok {
		return zero, false, err
	}
	t, ok := k.decode(s, v)
	return t, ok, nil
}
