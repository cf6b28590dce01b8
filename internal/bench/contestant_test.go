package bench

import (
	"net/http"
	"testing"
	"time"
)

// An act is what a handler does with its session. Those that read answer 500
// if they do not find what was set.
type act int

const (
	actNone     act = iota // answers, and never asks for the session
	actLook                // finds that nobody is signed in
	actNewSmall            // makes a session of the three small values
	actNewLarge            // makes a session of the 50 values
	actRead                // reads the three small values
	actReadOne             // reads one of the 50
	actCount               // adds one to a counter beside the three
	actTotal               // answers with that counter
)

// A library is one contestant with a store of its own.
type library interface {
	// handler returns what a server would be given: a handler behind the
	// library's middleware.
	handler(act) http.Handler
	close()
}

// A contestant is measured as lib=name.
type contestant struct {
	name string
	open func(testing.TB) library

	// stateless: there are no sessions, so no cookies to come by.
	stateless bool

	// inCookie: the cookie is all there is, so a client that keeps its first one
	// keeps its first state, and the large content does not fit.
	inCookie bool

	// cookieOnRead: every response of a session sets the cookie again.
	cookieOnRead bool
}

var (
	bare    = contestant{name: "bare", open: openBare, stateless: true}
	limited = contestant{name: "limit", open: openLimit}
	ours    = contestant{name: "session", open: openSession}
	scsPure = contestant{name: "scs", open: openSCS}
	gorilla = contestant{name: "gorilla", open: openGorilla, inCookie: true}
	scsIdle = contestant{name: "scs", open: openIdleSCS, cookieOnRead: true}
)

// cookieName is that of every contestant.
const cookieName = "__Host-id"

// The small content: who it is, something secret, since when.
const (
	keyUser  = "user"
	keyNonce = "nonce"
	keySince = "since"
	keyCount = "count" // 0 or absent at first

	wantUser  = int64(4711)
	wantNonce = "zB3Tq0cTx8MvQ2rYwPn5uLkJhGfDsA17"
)

var wantSince = time.Date(2026, 3, 1, 9, 30, 15, 123456789, time.UTC)

// smallIs compares all three values: it is part of every handler that reads.
func smallIs(user int64, nonce string, since time.Time) bool {
	return user == wantUser && nonce == wantNonce && since.Equal(wantSince)
}

var answer = []byte("ok")

// respond is the end of every handler.
func respond(w http.ResponseWriter, right bool) {
	if !right {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Write(answer)
}
