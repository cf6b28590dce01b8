// Quickstart counts the visits of each browser, in this process's memory.
//
// A browser that refuses Secure cookies on http://localhost, where others take
// them, needs session.Config{Cookie: session.Cookie{Insecure: true}}.
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

var visits = session.NewKey[int]("visits")

func main() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", count)
	fmt.Println("Open http://localhost:8080 and reload it.")
	log.Fatal(http.ListenAndServe("localhost:8080", sessions.Handler(mux)))
}

func count(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	err := visits.Update(s, func(n int) (int, error) { return n + 1, nil })
	if err != nil {
		http.Error(w, "The visit could not be counted.", session.ErrorStatus(err))
		return
	}
	n, _ := visits.Get(s)
	fmt.Fprintf(w, "Visits: %d\n", n) // the session is saved before this leaves
}
