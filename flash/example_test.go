package flash_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/flash"
	"github.com/b4468f51/session/store/memstore"
)

var saved = flash.New[string]("saved")

// A form is answered with a redirect, and the page that follows says what became of it.
func Example() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("POST /address", func(w http.ResponseWriter, r *http.Request) {
		if err := saved.Add(session.FromContext(r.Context()), "Your address is saved."); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		messages, err := saved.Take(r, session.FromContext(r.Context()))
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		fmt.Fprint(w, messages)
	})
	site := sessions.Handler(mux)

	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("POST", "/address", nil))
	cookie := w.Result().Cookies()[0]
	for range 2 {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(cookie)
		w = httptest.NewRecorder()
		site.ServeHTTP(w, r)
		fmt.Println(w.Body)
	}
	// Output:
	// [Your address is saved.]
	// []
}

// The name is a key of the session.
func ExampleMessages_Name() {
	fmt.Println(saved.Name())
	// Output: saved
}
