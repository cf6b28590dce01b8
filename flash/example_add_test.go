package flash_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/flash"
	"github.com/b4468f51/session/sessiontest"
)

// A Notice is a message and how it looks.
type Notice struct {
	Class, Text string
}

// A message may be a struct, and a page may show several. The oldest is first.
func ExampleMessages_Add() {
	notices := flash.New[Notice]("notices") // usually a package variable
	page := func(_ http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		for _, n := range []Notice{{"ok", "Your order is placed."}, {"warn", "One item is late."}} {
			if err := notices.Add(s, n); err != nil {
				fmt.Println(err)
			}
		}
		messages, err := notices.Take(r, s) // on the next page in a real program
		if err != nil {
			fmt.Println(err)
		}
		for _, n := range messages {
			fmt.Printf("<p class=%q>%s</p>\n", n.Class, n.Text)
		}
	}
	t := &testing.T{} // in a test, its own
	r, _ := sessiontest.Request(t, httptest.NewRequest("GET", "/", nil), sessiontest.Options{})
	page(httptest.NewRecorder(), r)
	// Output:
	// <p class="ok">Your order is placed.</p>
	// <p class="warn">One item is late.</p>
}
