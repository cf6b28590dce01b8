package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// Set and Get take a key by its name. A value comes back with the type it was set
// with. With a Key you need no type assertion.
func ExampleSession_Set() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/french", func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Set("language", "fr"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		language, ok := session.FromContext(r.Context()).Get("language").(string)
		if !ok {
			language = "en"
		}
		fmt.Fprint(w, "language: ", language)
	})
	visit(sessions.Handler(mux), "/", "/french", "/")
	// Output:
	// / 200: language: en
	// /french 200:
	// / 200: language: fr
}
