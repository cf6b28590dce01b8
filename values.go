package session

import (
	"fmt"
	"iter"
	"slices"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

// Get returns the value of a key, and nil where there is none. A predeclared
// boolean, integer, float or string, a []byte, time.Time or time.Duration comes
// with exactly the Go type it was set with. A value of a type with another name
// comes as its underlying type; a [Key] returns it as what it was. What went
// through Config.Codec, see [Session.Set], comes as the codec's bytes, a
// [json.RawMessage]. The caller owns what it gets.
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

// Keys returns the keys in ascending order, as they are at the call: the
// session may be changed while they are read.
func (s *Session) Keys() iter.Seq[string] {
	return slices.Values(view(s, (*change.Draft).Keys))
}

// Set puts a value. It is encoded at once: a later change to what v points to
// is not seen. The last commit wins where concurrent requests set one key; to build
// on the value before use [Key.Update]. A request that sets only what was there when
// it loaded the session changes nothing: nothing is written, and what another one
// has set meanwhile stays.
//
// Booleans, integers, floats, strings, []byte, time.Time (instant and offset; the
// zone's name is lost) and time.Duration have a form of their own. So have the types
// whose underlying type is one of these, such as a type State string, unless they
// have a method MarshalJSON or MarshalText. All other types go through Config.Codec.
// A nil is a value too, null in JSON; [Session.Delete] removes one.
//
// The default codec is encoding/json, with its limits: what is not valid UTF-8 in a
// text is replaced, without an error, and large integers in a map[string]any lose
// digits when they are read, as a float64.
// Use a struct whose fields have types, or a [Codec] that uses json.Number. A type
// that encoding/json writes and never reads is an error, such as one with a field of
// an interface type other than any.
//
// A key has 1 to 256 bytes. Errors are those of the codec, [ErrTooLarge], and
// what keeps the session from being changed: [ErrNoSession], [ErrEnded],
// [ErrDone], [ErrHeadersSent]. The session is then as it was, and what else is
// pending is committed: answer with an error. Where a handler does not, an
// [EventUnsaved] tells of it.
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

// Delete removes a key. Where this request sees none, there is nothing to change:
// nothing is written, and a value that a concurrent request is adding stays. Errors
// are those of [Session.Set].
func (s *Session) Delete(key string) error {
	return s.apply(change.Op{Kind: change.Delete, Key: key})
}

// Clear removes every key, those that a concurrent request is adding too.
// Subject, token and times stay.
func (s *Session) Clear() error {
	return s.apply(change.Op{Kind: change.Clear})
}

// Pop returns the value of a key as [Session.Get] does, and removes it. Of
// concurrent requests that pop one value, one commits; the commit of the
// others fails with [ErrConflict], so that what they answer is never seen.
// It returns nil, and removes nothing, where there is no value or the session
// cannot be changed.
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

// A Codec turns values into bytes and back, for the types that have no form of
// their own (see [Session.Set]). Its methods may be called by
// several goroutines at once, and must be pure: a commit may run them again.
type Codec interface {
	// Marshal returns bytes that it does not use again.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes what Marshal returned into what v points to. The bytes are
	// its own: it may decode in place, as [crypto/cipher] does, or keep them.
	Unmarshal(data []byte, v any) error
}
