package session

import (
	"net/http"
	"strings"
)

// Lapsed tells whether the client brought a token that is not, or no longer,
// good for a session: its session ended or expired, or has another token by now.
// It is what to say "you have been signed out" by.
//
// To ask has the response clear a cookie that is good for nothing, so that the
// client is told once. One that was replaced less than Config.Grace ago stays: the
// client may hold its successor by now. So does one that comes with the method HEAD or
// to prefetch a page, which shows nobody anything. Ask on pages, not in background
// requests: the answer to one that was sent before a sign-in in another tab, and that
// arrives after it, takes the new cookie away.
func (s *Session) Lapsed() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	if s.with == withDead && s.phase == fresh && !s.shownToNobody() {
		s.due = cookieClear
	}
	return s.with.lapsed()
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
