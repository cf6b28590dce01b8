package session

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

// Login binds the session to a subject, such as a user's ID, and replaces the token. The old
// token is invalid at once, so an attacker gains nothing from a token planted before the
// sign-in. The lifetime begins anew: that of Config, unless SetLifetime follows.
//
// The session of a visitor, or of the same subject, keeps its values and its ID. If another
// subject is signed in, Login begins another, empty session. It drops what the handler
// changed before, and the commit ends the other subject's session first.
//
// On a session that has ended, Login begins another one too. If the session ended by a
// sign-in of the same subject a moment ago, as after a double click, the new one has its
// values. If the client sent several valid tokens, their sessions end too: see "Cookies" in
// the package documentation.
//
// The subject is valid UTF-8 without NUL, 1 to 255 bytes. Errors are those of [Session.Set].
// [ErrHeadersSent] means that the new cookie cannot be sent any more.
func (s *Session) Login(subject string) error {
	if s == nil {
		return ErrNoSession
	}
	scoped, err := s.m.scopeSubject(subject)
	if err != nil {
		return s.life.Refuse(change.Login, "", err)
	}
	return s.sign(change.Login, change.Signing{Subject: scoped, Client: envelope.Client(s.client())})
}

// Renew replaces the token at once, and keeps everything else, also the deadline. Call it
// when the rights of the user change. For a session that was never stored it does nothing:
// there is no token to replace. Errors are those of [Session.Login].
func (s *Session) Renew() error {
	return s.sign(change.Renew, change.Signing{})
}

// Reauthenticate notes that the subject has proved once more who they are, and how strongly:
// by a password before it is changed, for example, or by a second factor. Like Login it
// replaces the token at once and begins the lifetime anew, and [Session.AuthenticatedAt]
// becomes now. All values stay. The application defines the level, 0 to 255. Login sets it
// to 0, and [Session.Level] returns it.
//
// It is an error on an anonymous session. It returns [ErrEnded] on a session that has ended,
// also by another sign-in. Other errors are those of [Session.Login].
func (s *Session) Reauthenticate(level int) error {
	if s == nil {
		return ErrNoSession
	}
	if level < 0 || level > math.MaxUint8 {
		return s.life.Refuse(change.Reauthenticate, "", fmt.Errorf("session: reauthenticate with level %d: it must be 0 to %d", level, math.MaxUint8))
	}
	if err := s.life.Ready(); err != nil {
		return s.life.Refuse(change.Reauthenticate, "", err)
	}
	subject := view(s, (*change.Draft).Subject)
	if subject == "" {
		return s.life.Refuse(change.Reauthenticate, "", errors.New("session: reauthenticate an anonymous session: Login comes first"))
	}
	return s.sign(change.Reauthenticate, change.Signing{Subject: subject, Level: uint8(level)})
}

func (s *Session) sign(kind change.Kind, with change.Signing) error {
	if s == nil {
		return ErrNoSession
	}
	return s.life.Sign(kind, with)
}

// AuthenticatedAt returns when the subject last proved who they are, by Login or
// Reauthenticate. It is the zero Time while the session is anonymous. See the example of
// [Session.Reauthenticate].
func (s *Session) AuthenticatedAt() time.Time {
	return view(s, func(d *change.Draft) time.Time { return authenticatedAt(d.Meta()) })
}

func authenticatedAt(m *envelope.Meta) time.Time {
	if m.Authenticated == 0 {
		return time.Time{}
	}
	return time.UnixMilli(m.Authenticated).UTC()
}

// Level returns how strongly the subject signed in: the level of the last Reauthenticate,
// and 0 after Login and while the session is anonymous. See the example of
// [Session.Reauthenticate].
func (s *Session) Level() int {
	return view(s, func(d *change.Draft) int { return int(d.Meta().Level) })
}

// maxSubject is the longest subject, in bytes: with the realm before it, it
// must fit what stores take.
const maxSubject = 255

// scopeSubject returns a subject as the store has it: with the realm, so that
// two managers on one store keep theirs apart.
func (m *Manager) scopeSubject(subject string) (string, error) {
	if subject == "" || len(subject) > maxSubject || !utf8.ValidString(subject) || strings.Contains(subject, "\x00") {
		return "", fmt.Errorf("session: a subject of %d bytes: it must be valid UTF-8 without NUL, 1 to %d bytes",
			len(subject), maxSubject)
	}
	return m.host.Scope(subject), nil
}
