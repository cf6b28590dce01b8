package session_test

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/b4468f51/session"
)

// An errNoStock names its own status: 409.
type errNoStock struct{ item string }

func (e errNoStock) Error() string { return e.item + " is sold out" }
func (e errNoStock) Status() int   { return http.StatusConflict }

// ErrorStatus gives a status for each error of this package, and takes that of an error
// which names one.
func ExampleErrorStatus() {
	for _, err := range []error{
		session.ErrEnded,
		session.ErrRefused,
		session.ErrTooManySessions,
		fmt.Errorf("order: %w", errNoStock{"the book"}),
		errors.New("a mistake in the program"),
	} {
		fmt.Println(session.ErrorStatus(err), err)
	}
	// Output:
	// 409 session: the session has ended: it was destroyed, revoked or renewed, or expired, while the request ran
	// 429 session: no further anonymous session is stored for now
	// 403 session: the subject has as many sessions as it may have: one has to end first
	// 409 order: the book is sold out
	// 500 a mistake in the program
}
