package session

import (
	"fmt"
	"iter"
	"slices"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

// Get returns the value of a key, and nil if there is none. A predeclared boolean, integer,
// float or string, a []byte, time.Time or time.Duration has exactly the Go type it was set
// with. A value of another named type has its underlying type; a [Key] returns it as what it
// was. A value that went through Config.Codec, see [Session.Set], comes as the codec's
// bytes, a [json.RawMessage]. The caller owns the value.
func (s *Session) Get(key string) any {
	v, ok := s.lookup(key)
	if !ok {
		return nil
	}
	x, err := v.Decode()
	if err != nil {
		s.life.Undecodable(key, err)
		return nil
	}
	return x
}

func (s *Session) lookup(key string) (envelope.Value, bool) {
	if s == nil {
		return envelope.Value{}, false
	}
	return s.life.Lookup(key)
}

// Keys returns the keys in ascending order, as they are when Keys is called. The session may
// be changed while they are read. See the example of [Session.Clear].
func (s *Session) Keys() iter.Seq[string] {
	return slices.Values(view(s, (*change.Draft).Keys))
}

// Set puts a value. It encodes v at once: a later change to what v points to is not seen. If
// concurrent requests set one key, the last commit wins; use [Key.Update] to build on the
// value before. A request that sets only what was there when it loaded the session writes
// nothing, and what another request has set meanwhile stays.
//
// Booleans, integers, floats, strings, []byte, time.Time (instant and offset; the zone's
// name is lost) and time.Duration have a form of their own. Types whose underlying type is
// one of these, such as type State string, have it too, unless they have a method
// MarshalJSON or MarshalText. All other types go through Config.Codec. nil is a value, null
// in JSON; [Session.Delete] removes a value.
//
// The default codec is encoding/json, with its limits: it replaces what is not valid UTF-8
// in a text, without an error, and reads large integers in a map[string]any as a float64,
// which loses digits. Use a struct whose fields have types, or a [Codec] that uses
// json.Number. A type that encoding/json writes but cannot read is an error, such as one
// with a field of an interface type other than any.
//
// A key has 1 to 256 bytes. Errors are those of the codec, [ErrTooLarge], and the reasons why
// the session cannot be changed: [ErrNoSession], [ErrEnded], [ErrDone], [ErrHeadersSent].
// After an error the session is as it was, and the other pending changes are committed:
// answer with an error. If the handler does not, an [EventUnsaved] reports it.
func (s *Session) Set(key string, v any) error {
	if s == nil {
		return ErrNoSession
	}
	if err := s.life.Ready(); err != nil {
		return s.life.Refuse(change.Set, key, err)
	}
	val, err := envelope.Encode(s.m.cfg.Codec, v)
	if err != nil {
		return s.life.Refuse(change.Set, key, fmt.Errorf("session: set %q: %w", key, err))
	}
	return s.put(key, val)
}

func (s *Session) put(key string, val envelope.Value) error {
	if err := validKey(key); err != nil {
		return s.life.Refuse(change.Set, "", err)
	}
	return s.apply(change.Op{Kind: change.Set, Key: key, Value: val})
}

// maxKey is the longest key, in bytes.
const maxKey = 256

func validKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("session: a key of %d bytes: it must have 1 to %d", len(key), maxKey)
	}
	return nil
}

// apply makes an operation part of the session.
func (s *Session) apply(o change.Op) error {
	if s == nil {
		return ErrNoSession
	}
	return s.life.Apply(o)
}

// Delete removes a key. If the session has no such key as this request sees it, Delete
// writes nothing, and a value that a concurrent request is adding stays. Errors are those of
// [Session.Set]. See the example of [Session.Clear].
func (s *Session) Delete(key string) error {
	return s.apply(change.Op{Kind: change.Delete, Key: key})
}

// Clear removes every key, also those that a concurrent request is adding. Subject, token
// and times stay.
func (s *Session) Clear() error {
	return s.apply(change.Op{Kind: change.Clear})
}

// Pop returns the value of a key as [Session.Get] does, and removes it. If concurrent
// requests pop one value, one of them commits. The commits of the others fail with
// [ErrConflict], so that nobody sees their answers. Pop returns nil, and removes nothing, if
// there is no value or the session cannot be changed.
func (s *Session) Pop(key string) any {
	v, ok := s.lookup(key)
	if !ok {
		return nil
	}
	x, err := v.Decode()
	if err != nil {
		s.life.Undecodable(key, err)
		return nil
	}
	if s.apply(change.Op{Kind: change.Pop, Key: key, Value: v}) != nil {
		return nil
	}
	return x
}

// A Codec turns values into bytes and back, for types that have no form of their own (see
// [Session.Set]). Several goroutines may call its methods at once. The methods must be pure,
// because a commit may run them again.
type Codec interface {
	// Marshal encodes v. It must not use the bytes again.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes what Marshal returned into what v points to. It owns the bytes: it
	// may decode in place, as [crypto/cipher] does, or keep them.
	Unmarshal(data []byte, v any) error
}
