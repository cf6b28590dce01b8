package session

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

// maxLabel is the longest label, in bytes.
const maxLabel = 128

// SetLabel names the session in the list of its subject's, say "Laptop at
// work"; an empty label takes the name away. It is valid UTF-8 of at most 128
// bytes, and ends with the sign-in. It is an error on an anonymous session;
// others are those of [Session.Set].
func (s *Session) SetLabel(label string) error {
	if s == nil {
		return ErrNoSession
	}
	if err := s.ready(); err != nil {
		return s.refuse(change.Label, "", err)
	}
	if len(label) > maxLabel || !utf8.ValidString(label) {
		return s.refuse(change.Label, "", fmt.Errorf("session: a label of %d bytes: it must be valid UTF-8 of at most %d", len(label), maxLabel))
	}
	if s.Subject() == "" {
		return s.refuse(change.Label, "", errors.New("session: label an anonymous session: Login comes first"))
	}
	return s.apply(change.Op{Kind: change.Label, Value: envelope.Value{Data: []byte(label)}})
}

// Label returns what SetLabel was given, and "" by default.
func (s *Session) Label() string {
	return view(s, func(d *change.Draft) string { return d.Meta().Label() })
}
