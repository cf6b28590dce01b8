package network

import (
	"net/http"
	"time"
)

// cookieName is that of every contestant.
const cookieName = "__Host-id"

// The small content, as that of the measurements without a network.
const (
	keyUser  = "user"
	keyNonce = "nonce"
	keySince = "since"
	keyCount = "count"

	wantUser  = int64(4711)
	wantNonce = "zB3Tq0cTx8MvQ2rYwPn5uLkJhGfDsA17"
)

var wantSince = time.Date(2026, 3, 1, 9, 30, 15, 123456789, time.UTC)

// smallIs compares all three values: it is part of every handler that reads.
func smallIs(user int64, nonce string, since time.Time) bool {
	return user == wantUser && nonce == wantNonce && since.Equal(wantSince)
}

// An app is what a server process serves: /new makes a session, /read reads its
// three values, /count adds one to a counter, /total answers with that.
type app struct {
	routes func(*http.ServeMux)
	close  func() error
}

// contestants are the apps, by the names under which they are measured.
var contestants = map[string]func(serverSpec) (app, error){
	"session":        openSession,
	"session cached": openSession, // the URL makes the difference
	"scs":            openSCS,
	"scs idle":       openSCS,
	"floor":          openFloor,
	"no store":       openNone,
}

var answer = []byte("ok")

// respond is the end of every handler.
func respond(w http.ResponseWriter, right bool) {
	if !right {
		http.Error(w, "not what was set", http.StatusInternalServerError)
		return
	}
	w.Write(answer)
}

// openNone asks no store at all: what net/http and the load cost.
func openNone(serverSpec) (app, error) {
	routes := func(mux *http.ServeMux) {
		for _, path := range []string{"/new", "/read", "/count"} {
			mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
				respond(w, smallIs(wantUser, wantNonce, wantSince))
			})
		}
	}
	return app{routes, func() error { return nil }}, nil
}
