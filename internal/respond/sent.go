package respond

import (
	"net/http"
	"reflect"
)

// headerSent tells whether the header of an answer has left, as far as the writers from w
// down can tell.
func headerSent(w http.ResponseWriter) bool {
	for {
		switch u := w.(type) {
		case nil: // as some Unwraps return
			return false
		case *Writer:
			if u.begun.Load() {
				return true
			}
			w = u.under
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

// serverSent asks a writer of net/http. It has no method that tells. But a status that is
// none makes it panic as long as the header has not left, and does nothing afterwards.
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
	defer func() { _ = recover() }() // and nothing is returned but false
	w.WriteHeader(0)
	return true
}
