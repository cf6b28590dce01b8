package respond

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// below returns the first writer from w down that is a T. It looks past a Writer, which
// has every method, whatever is below it.
func below[T any](w http.ResponseWriter) (T, bool) {
	for {
		switch u := w.(type) {
		case *Writer:
			w = u.under
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
func (w *Writer) Push(target string, opts *http.PushOptions) error {
	if p, ok := below[http.Pusher](w.under); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// SetReadDeadline is for [http.ResponseController], which finds no Unwrap here.
func (w *Writer) SetReadDeadline(t time.Time) error {
	return http.NewResponseController(w.under).SetReadDeadline(t)
}

// SetWriteDeadline is for [http.ResponseController].
func (w *Writer) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(w.under).SetWriteDeadline(t)
}

// EnableFullDuplex is for [http.ResponseController].
func (w *Writer) EnableFullDuplex() error {
	return http.NewResponseController(w.under).EnableFullDuplex()
}

// CloseNotify is for frameworks that ask for it rather than for the request's context, as
// gin does. Over a writer that has none, the context tells.
func (w *Writer) CloseNotify() <-chan bool {
	if n, ok := below[interface{ CloseNotify() <-chan bool }](w.under); ok {
		return n.CloseNotify()
	}
	gone := make(chan bool, 1)
	context.AfterFunc(w.r.Context(), func() { gone <- true })
	return gone
}

// Format writes Hooks.String, whatever the verb: below the Writer is the request, which may
// hold secrets.
func (w *Writer) Format(f fmt.State, _ rune) {
	io.WriteString(f, "response writer of "+w.hooks.String())
}
