package bench

import (
	"net/http"
	"testing"
)

// bareLibrary has no sessions: it shows what handler, response and benchmark
// cost by themselves.
type bareLibrary struct{}

func openBare(testing.TB) library { return bareLibrary{} }

func (bareLibrary) close() {}

func (bareLibrary) handler(act) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond(w, smallIs(wantUser, wantNonce, wantSince))
	})
}
