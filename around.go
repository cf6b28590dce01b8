package session

import (
	"errors"
	"net/http"
	"reflect"
)

// errAround is reported where the response was written around the session's
// writer, so that no cookie could be set.
var errAround = errors.New("session: the response did not go through the writer of Manager.Handler: " +
	"hand on the ResponseWriter that Handler gives to its handler, not only the request")

// endAround ends a request whose handler has returned without using the writer.
// That may be all there is to it: net/http sends the header then. It is false,
// and nothing is done, unless something has to be told the client and the header
// has left already.
func (w *response) endAround() bool {
	s := w.s
	s.mu.Lock()
	nothing := !s.owesCookieLocked() && len(s.ops) == 0
	s.mu.Unlock()
	if nothing || !headerSent(w.w) {
		return false
	}
	s.mu.Lock()
	lost := s.owesCookieLocked()
	s.headersSent, s.mayRotate = true, false
	s.mu.Unlock()
	err := s.m.commit(w.r.Context(), s, false) // what needs no cookie is kept
	w.err = errors.Join(errAround, err)
	w.begun.Store(true)
	s.m.report(w.r.Context(), Event{Kind: EventCommitFailed, ID: s.ID(), Err: w.err})
	if lost || err != nil {
		panic(http.ErrAbortHandler) // the client must not take the response for complete
	}
	return true
}

// headerSent tells whether the header of a response has left, as far as the
// writers below can tell.
func headerSent(w http.ResponseWriter) bool {
	for {
		switch u := w.(type) {
		case *response:
			if u.begun.Load() {
				return true
			}
			w = u.w
		case interface{ Written() bool }: // gin's and negroni's
			if u.Written() {
				return true
			}
			under, ok := w.(interface{ Unwrap() http.ResponseWriter })
			if !ok {
				return false
			}
			w = under.Unwrap()
		case interface{ Unwrap() http.ResponseWriter }:
			w = u.Unwrap()
		default:
			return serverSent(w)
		}
	}
}

// serverSent asks a writer of net/http. That does not tell, but a status that is
// none makes it panic, and does nothing, until the header has left.
func serverSent(w http.ResponseWriter) (sent bool) {
	kind := reflect.TypeOf(w)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind.PkgPath() != "net/http" { // another's package may be called http too
		return false
	}
	switch kind.Name() {
	case "response", "http2responseWriter", "http2ResponseWriter":
	default:
		return false
	}
	defer func() {
		if recover() != nil {
			sent = false
		}
	}()
	w.WriteHeader(0)
	return true
}
