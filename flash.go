package session

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

// A Flash is the name of messages for a page to come, which are shown once: what
// became of a form, say. Flashes are usually package variables; a Flash may be
// used by several goroutines at once.
//
//	var notices = session.NewFlash[Notice]("notices")
type Flash[T any] struct{ key Key[[]T] }

// maxFlash is how many messages wait at most: a client that never looks at a page
// must not fill its session with them.
const maxFlash = 100

// NewFlash returns the flash of a name, which is a key of the session: see
// [NewKey].
func NewFlash[T any](name string) Flash[T] { return Flash[T]{NewKey[[]T](name)} }

// Name returns the name, as [Session.Keys] yields it.
func (f Flash[T]) Name() string { return f.key.Name() }

// Add appends a message. None is lost to a concurrent request, but of more than
// 100 that nobody has taken, the oldest. What stands under the name and is no
// []T is reported as an [EventUndecodable], and gives way. Errors are those of [Session.Set].
func (f Flash[T]) Add(s *Session, message T) error {
	if s == nil {
		return ErrNoSession
	}
	codec := s.m.cfg.Codec
	return s.update(f.Name(), func(old envelope.Value, ok bool) (envelope.Value, error) {
		var messages []T
		if ok {
			messages, _ = f.key.decode(s, old)
		}
		messages = append(messages, message)
		v, err := envelope.Encode(codec, messages[max(0, len(messages)-maxFlash):])
		if err != nil {
			err = s.refuse(change.Update, f.Name(), fmt.Errorf("session: flash %q: %w", f.Name(), err))
		}
		return v, err
	})
}

// Take returns the messages, the oldest first, and removes them: of concurrent
// requests that take, one gets a message. The removal is committed at once, so that
// a message which Take returned is shown by nobody else, and not again after a page
// that fails. Everything else that is pending stays pending. Without messages Take
// costs nothing.
// What cannot be decoded is reported as an [EventUndecodable], and dropped.
//
// A request that shows nobody a page, of the method HEAD or to prefetch the page,
// takes nothing. Of a sealed session the removal is pending like any change.
//
// Errors are [ErrEnded], [ErrDone] and those of the store: show the page without
// messages, or the error. The messages are there still, unless the store did not say
// what became of the removal.
func (f Flash[T]) Take(ctx context.Context, s *Session) ([]T, error) {
	if _, ok := s.lookup(f.Name()); !ok || s.shownToNobody() {
		return nil, nil
	}
	vals, err := s.take(ctx, f.Name())
	if err != nil {
		return nil, err
	}
	var messages []T
	for _, v := range vals {
		some, _ := f.key.decode(s, v)
		messages = append(messages, some...)
	}
	return messages, nil
}

// shownToNobody tells whether the answer to the request may never be looked at:
// browsers fetch pages that their user might open next.
func (s *Session) shownToNobody() bool {
	if s.request == nil {
		return false
	}
	for _, name := range []string{"Sec-Purpose", "Purpose"} {
		for _, line := range s.request.Header[name] {
			for part := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
				if strings.EqualFold(part, "prefetch") {
					return true
				}
			}
		}
	}
	return s.request.Method == http.MethodHead
}
