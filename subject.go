package session

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

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
	return m.subjectPrefix + subject, nil
}

// cutSubject is the inverse of scopeSubject. It is false for the subjects of
// other realms.
func (m *Manager) cutSubject(scoped string) (string, bool) {
	return strings.CutPrefix(scoped, m.subjectPrefix)
}
