package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A page shows the number of an order once. Pop returns it and removes it.
func ExampleSession_Pop() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/order", func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Set("ordered", "A-1001"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if number := session.FromContext(r.Context()).Pop("ordered"); number != nil {
			fmt.Fprint(w, "thank you for order ", number)
			return
		}
		fmt.Fprint(w, "welcome")
	})
	visit(sessions.Handler(mux), "/order", "/") // the browser follows the redirect
	// Output:
	// /order 200: thank you for order A-1001
	// / 200: welcome
}
