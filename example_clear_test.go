package session_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"slices"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A shop forgets what it does not need any more: one value, or all of them. The user
// stays signed in.
func ExampleSession_Clear() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/start", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		err := errors.Join(s.Login("user-42"), s.Set("cart", "a book"), s.Set("coupon", "SPRING"), s.Set("theme", "dark"))
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/no-coupon", func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Delete("coupon"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/forget-all", func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Clear(); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		fmt.Fprint(w, s.Subject(), " has ", slices.Collect(s.Keys()))
	})
	visit(sessions.Handler(mux), "/start", "/", "/no-coupon", "/", "/forget-all", "/")
	// Output:
	// /start 200:
	// / 200: user-42 has [cart coupon theme]
	// /no-coupon 200:
	// / 200: user-42 has [cart theme]
	// /forget-all 200:
	// / 200: user-42 has []
}
