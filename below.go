package session

import (
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
