package session_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A deployment has changed the type of a value. Get treats the old value as absent.
// Check tells it from none, so that the program can convert it.
func ExampleKey_Check() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	theme := session.NewKey[string]("theme")     // what the program has now
	formerTheme := session.NewKey[bool]("theme") // true meant dark

	mux := http.NewServeMux()
	mux.HandleFunc("/before", func(w http.ResponseWriter, r *http.Request) {
		if err := formerTheme.Set(session.FromContext(r.Context()), true); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/after", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		if errors.Is(theme.Check(s), session.ErrUndecodable) {
			fmt.Fprintf(w, "converting %q; ", theme.Name())
			converted := "light"
			if dark, _ := formerTheme.Get(s); dark {
				converted = "dark"
			}
			if err := theme.Set(s, converted); err != nil {
				http.Error(w, "try again", session.ErrorStatus(err))
				return
			}
		}
		name, _ := theme.Get(s)
		fmt.Fprint(w, name)
	})
	visit(sessions.Handler(mux), "/before", "/after", "/after")
	// Output:
	// /before 200:
	// /after 200: converting "theme"; dark
	// /after 200: dark
}
