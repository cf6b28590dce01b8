// Package flash has messages for a page to come, which are shown once: what became of
// a form, say, on the page that the client is redirected to.
//
// It knows what a message is shown by, and that it must be shown to somebody, once. A
// session keeps the messages, as a value under the name of the [Messages].
package flash

import (
	"net/http"
	"strings"

	"github.com/b4468f51/session"
)

// Messages are those of one name. They are usually package variables, and may be used
// by several goroutines at once.
//
//	var notices = flash.New[Notice]("notices")
type Messages[T any] struct{ key session.Key[[]T] }

// maxWaiting is how many messages wait at most: a client that never looks at a page
// must not fill its session with them.
const maxWaiting = 100

// New returns the messages of a name, which is a key of the session. It panics if the
// name is no such key, as [session.NewKey] does.
func New[T any](name string) Messages[T] { return Messages[T]{session.NewKey[[]T](name)} }

// Name returns the name, as [session.Session.Keys] yields it.
func (m Messages[T]) Name() string { return m.key.Name() }

// Add appends a message. No concurrent request can undo that. Of more than 100
// messages that nobody has taken, the oldest are dropped. A value under the name that
// is no []T is replaced, and reported as a [session.EventUndecodable]. Errors are those
// of [session.Session.Set].
func (m Messages[T]) Add(s *session.Session, message T) error {
	return m.key.Update(s, func(waiting []T) ([]T, error) {
		waiting = append(waiting, message)
		return waiting[max(0, len(waiting)-maxWaiting):], nil
	})
}

// Take returns the messages for the page that answers r, the oldest first, and removes
// them from s, the session of r. Of concurrent requests that take, one gets a message.
// The removal is committed at once, so that no message is shown twice, not even if the
// page fails; see [session.Key.Take]. Without messages Take costs nothing.
//
// A request whose answer nobody may look at takes nothing: one of the method HEAD, or
// one by which a browser prefetches a page.
//
// Errors are those of [session.Key.Take]: show the page without messages, or an error.
// The messages are still there then, unless the store did not say what became of the
// removal.
func (m Messages[T]) Take(r *http.Request, s *session.Session) ([]T, error) {
	if shownToNobody(r) {
		s.Keys() // the answer depends on the session as that to GET does: Vary must say so
		return nil, nil
	}
	messages, _, err := m.key.Take(r.Context(), s)
	return messages, err
}

// shownToNobody tells whether the answer may never be looked at: browsers fetch pages
// that their user might open next.
func shownToNobody(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose"} {
		for _, line := range r.Header[name] {
			for part := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
				if strings.EqualFold(part, "prefetch") {
					return true
				}
			}
		}
	}
	return r.Method == http.MethodHead
}
