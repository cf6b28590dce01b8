package main

import (
	"errors"
	"net/http"

	"github.com/b4468f51/session"
)

// flashKey has the message that the next page shows, once.
var flashKey = session.NewKey[string]("flash")

// takeFlash returns the message for this page, if there is one.
func takeFlash(r *http.Request) string {
	if r.Method != http.MethodGet {
		return "" // the page that follows is to show it
	}
	s := current(r)
	text, ok := flashKey.Pop(s)
	if !ok {
		return ""
	}
	// Two pages that load at once may both take the message, and one of them
	// fails to. For an order that would be an error page; for a greeting it is
	// better to show the page without it, so do not leave the commit to the
	// first byte. Other errors are met again there, and answered.
	if err := s.Save(r.Context()); errors.Is(err, session.ErrConflict) {
		s.Discard()
		return ""
	}
	return text
}
