package session

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// An ID names a session: 16 random bytes, 22 characters of base64url in text.
// It stays the same through renewal, rotation, and a login of the same subject
// or of a visitor. It is public, and may be listed, logged and shown: nobody gets
// into a session by its ID.
type ID = store.ID

// ParseID reads what [ID.String] wrote. See the example of [Manager.Revoke].
func ParseID(s string) (ID, error) { return store.ParseID(s) }

// A Session is the state that the server keeps for one client, as one request
// sees it. It keeps the changes of the request as operations, which the commit applies
// to the newest state, so that they never undo those of other requests.
//
// A Session may be used by several goroutines at once. The methods of a nil
// *Session are safe: reading finds nothing, changing returns [ErrNoSession].
// After the handler returned, reading works and changing returns [ErrDone].
//
// A session has ended when its token was replaced or its record is gone. It then reads as
// empty, and changing it returns [ErrEnded]. Login begins a new one.
type Session struct {
	m       *Manager
	request *http.Request // nil in Edit and View
	life    life.Session
	extra   atomic.Pointer[extra] // nil for most
}

// An extra is what few sessions have to do with their response, beside the token.
type extra struct {
	header *http.Header // of Start, which sets it first: where a cookie goes as soon as it is due; a pointer, which fmt does not follow

	mu         sync.Mutex  // guards all below, and what is written to a header
	bindSecret *sid.Secret // what bindings are made of; nil until it is needed
	bindDue    bool        // the client has to be sent bindSecret, in a cookie
}

func (s *Session) extras() *extra {
	if s.extra.Load() == nil {
		s.extra.CompareAndSwap(nil, new(extra))
	}
	return s.extra.Load()
}

// ID returns the public name of the session. A session that was never committed gets its
// ID when ID is first called. See the example of [Manager.Edit].
func (s *Session) ID() ID {
	if s == nil {
		return ID{}
	}
	return s.life.ID()
}

// IsNew tells whether the session began with this request: the client sent no valid token,
// or Login has begun another session.
func (s *Session) IsNew() bool { return s == nil || s.life.IsNew() }

// Lapsed tells whether the client sent a token that is not valid, or not any more: its
// session has ended or expired, or has another token by now. Use it to tell users that
// they have been signed out.
//
// Calling Lapsed makes the response clear an invalid cookie, so that it is true once. It
// leaves a cookie that was replaced less than Config.Grace ago, because the client may
// hold its successor by now. It leaves the cookie, too, if nobody sees the answer: to a
// HEAD request, and to one that prefetches a page.
//
// Call Lapsed on pages, not in background requests. If a background request is sent before
// a sign-in in another tab, and its answer arrives after it, the answer takes the new
// cookie away.
func (s *Session) Lapsed() bool { return s != nil && s.life.Lapsed(!s.shownToNobody()) }

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

// Subject returns whom Login bound the session to, and "" while it is anonymous.
func (s *Session) Subject() string {
	subject := view(s, (*change.Draft).Subject)
	if subject != "" {
		subject, _ = s.m.host.Unscope(subject)
	}
	return subject
}

// Created returns when the session began, to the millisecond. See the example of
// [Session.IsNew].
func (s *Session) Created() time.Time {
	return view(s, func(d *change.Draft) envelope.Millis { return d.Rec.Created }).Time()
}

// Seen returns when the session was last used. It lags behind by up to
// Config.TouchInterval, because use is not written more often. It is the zero Time until
// the session was committed. See the example of [Session.IsNew].
func (s *Session) Seen() time.Time {
	return view(s, func(d *change.Draft) envelope.Millis { return d.Rec.Seen }).Time()
}

// Expires returns when the session ends unless it is used again. Use moves it, at most
// once per Config.TouchInterval, and never past Deadline. The use by the current request
// shows here once that has committed: call [Session.Save] first on a page that shows when
// the session ends. It is the zero Time until the session was committed. See the example
// of [Session.SetLifetime].
func (s *Session) Expires() time.Time {
	return view(s, func(d *change.Draft) envelope.Millis { return d.Rec.Expires }).Time()
}

// Deadline returns when the session ends however much it is used. Login, Reauthenticate
// and SetLifetime change it. It is the zero Time until one of them was called or the
// session was committed. See the example of [Session.SetLifetime].
func (s *Session) Deadline() time.Time { return view(s, (*change.Draft).Deadline).Time() }

// view returns what get reads of what the handler sees, and the zero T without a
// session.
func view[T any](s *Session, get func(*change.Draft) T) T {
	if s == nil {
		var zero T
		return zero
	}
	return life.Read(&s.life, get)
}

// String returns the ID, for logs.
func (s *Session) String() string {
	if s == nil {
		return "no session"
	}
	if id := s.life.KnownID(); !id.IsZero() {
		return "session " + id.String()
	}
	return "new session"
}

// Format writes what String returns, whatever the verb: a session must not
// show its token to whoever prints it.
func (s *Session) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }
