package session

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// below returns the first writer from w down that is a T. It looks past a
// response, which has every method, whatever is below it.
func below[T any](w http.ResponseWriter) (T, bool) {
	for {
		switch u := w.(type) {
		case *response:
			w = u.w
		case T:
			return u, true
		case interface{ Unwrap() http.ResponseWriter }:
			w = u.Unwrap()
		default:
			var none T
			return none, false
		}
	}
}

// Push pushes a resource where the server can.
func (w *response) Push(target string, opts *http.PushOptions) error {
	if p, ok := below[http.Pusher](w.w); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// The rest is for http.ResponseController, which finds no Unwrap here.

func (w *response) SetReadDeadline(t time.Time) error {
	return http.NewResponseController(w.w).SetReadDeadline(t)
}

func (w *response) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(w.w).SetWriteDeadline(t)
}

func (w *response) EnableFullDuplex() error {
	return http.NewResponseController(w.w).EnableFullDuplex()
}

// CloseNotify is for frameworks that ask for it rather than for the request's
// context, as gin does. Over a writer that has none, the context tells.
func (w *response) CloseNotify() <-chan bool {
	if n, ok := below[interface{ CloseNotify() <-chan bool }](w.w); ok {
		return n.CloseNotify()
	}
	gone := make(chan bool, 1)
	context.AfterFunc(w.r.Context(), func() { gone <- true })
	return gone
}

// Format writes the session's ID, whatever the verb: below the writer is the
// request, with its token.
func (w *response) Format(f fmt.State, _ rune) { io.WriteString(f, "response writer of "+w.s.String()) }
