package guard_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
	"github.com/justinas/alice"
)

// A second factor is level 1 here. Who has given only the password is sent to a page
// that asks for the second factor, and calls Reauthenticate(1).
func ExampleRequireLevel() {
	sessions := newSessions()
	defer sessions.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/signin", func(_ http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Login("user-42"); err != nil {
			log.Print(err)
		}
	})
	mux.HandleFunc("/second-factor", func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Reauthenticate(1); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		http.Redirect(w, r, guard.ReturnTo(r, "/"), http.StatusSeeOther)
	})
	strong := alice.New(guard.RequireSubject("/signin"), guard.RequireLevel(1, "/second-factor"))
	mux.Handle("/transfer", strong.ThenFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "sent") }))

	b := browser{site: sessions.Handler(mux)}
	b.get("/signin")
	there := b.get("/transfer").Header().Get("Location")
	fmt.Println(there)
	back := b.get(there).Header().Get("Location")
	fmt.Println(back, b.get(back).Body)
	// Output:
	// /second-factor?return_to=%2Ftransfer
	// /transfer sent
}
