// Api serves browsers and apps with the same handlers. A browser has its token in
// a cookie; an app has it in the header Authorization, and keeps it itself:
//
//	go run ./api
//	curl -i -d 'name=ada' -d 'password=correct horse' http://localhost:8080/app/signin
//	curl -H "Authorization: Bearer $TOKEN" -d 'text=hello' http://localhost:8080/notes
//
// TOKEN is what the first answer has in Session-Token. Begin with newSite: there
// are two managers, since a manager has its token in one place only, and the rule
// which of them a request is for.
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
	"github.com/justinas/alice"
)

func main() {
	s, err := newSite(memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Open http://localhost:8080")
	server := &http.Server{Addr: "localhost:8080", Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// A site is what its handlers share.
type site struct {
	browsers, apps *session.Manager
}

// newSite makes two managers over one store. Since Config.App is the same, a
// user has one list of sessions, one limit of them, and one "sign out everywhere".
func newSite(st store.Store) (*site, error) {
	browsers := session.Config{
		App:         "example",
		MaxSessions: 20,
		Client:      session.RequestClient,
		Skip:        fromApp,
	}
	apps := browsers
	apps.Header = "Authorization"
	apps.Skip = func(r *http.Request) bool { return !fromApp(r) }

	b, err := session.NewManager(st, browsers)
	if err != nil {
		return nil, err
	}
	a, err := session.NewManager(st, apps)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return &site{b, a}, nil
}

func (s *site) close() error { return errors.Join(s.browsers.Close(), s.apps.Close()) }

// fromApp tells whose session a request has: an app's, if it carries a Bearer token
// or asks for one, whatever cookies are with it. So no request ever has both. A
// browser sends the header too where a proxy asks for a password, as Basic.
func fromApp(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") || r.URL.Path == "/app/signin"
}

// manager returns the manager of a request's session.
func (s *site) manager(r *http.Request) *session.Manager {
	if fromApp(r) {
		return s.apps
	}
	return s.browsers
}

func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("POST /signin", s.signIn)
	mux.HandleFunc("POST /app/signin", s.signIn)
	private := alice.New(guard.RequireSubject(""))
	mux.Handle("GET /notes", private.ThenFunc(s.listNotes))
	mux.Handle("POST /notes", private.ThenFunc(s.addNote))
	mux.Handle("GET /sessions", private.ThenFunc(s.listSessions))
	mux.Handle("POST /signout", private.ThenFunc(s.signOut))
	mux.Handle("POST /signout-others", private.ThenFunc(s.signOutOthers))

	// Each manager leaves the requests of the other alone. No other site can
	// send the header, and apps are no browsers: the protection lets both pass.
	crossOrigin := http.NewCrossOriginProtection()
	return alice.New(crossOrigin.Handler, s.browsers.Handler, s.apps.Handler).Then(mux)
}

// The handlers do not know where the token was.

var notes = session.NewKey[[]string]("notes")

func (s *site) signIn(w http.ResponseWriter, r *http.Request) {
	name := r.PostFormValue("name")
	if !passwordOf(name, r.PostFormValue("password")) {
		http.Error(w, "the name and the password do not match an account", http.StatusForbidden)
		return
	}
	if err := session.FromContext(r.Context()).Login(name); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent) // with the cookie, or with the header Session-Token
}

func (s *site) listNotes(w http.ResponseWriter, r *http.Request) {
	kept, _ := notes.Get(session.FromContext(r.Context()))
	writeJSON(w, kept)
}

func (s *site) addNote(w http.ResponseWriter, r *http.Request) {
	text := r.PostFormValue("text")
	err := notes.Update(session.FromContext(r.Context()), func(kept []string) ([]string, error) {
		return append(kept, text), nil
	})
	if err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *site) listSessions(w http.ResponseWriter, r *http.Request) {
	me := session.FromContext(r.Context())
	var found []map[string]any
	for info, err := range s.manager(r).List(r.Context(), me.Subject()) {
		if err != nil {
			fail(w, err)
			return
		}
		found = append(found, map[string]any{"agent": info.Client.UserAgent, "this": info.ID == me.ID()})
	}
	writeJSON(w, found)
}

func (s *site) signOut(w http.ResponseWriter, r *http.Request) {
	if err := session.FromContext(r.Context()).Destroy(r.Context()); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *site) signOutOthers(w http.ResponseWriter, r *http.Request) {
	if _, err := s.manager(r).RevokeOthers(r.Context(), session.FromContext(r.Context())); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// passwordOf stands for the accounts of a program; see the shop for real ones.
func passwordOf(name, password string) bool {
	want, got := sha256.Sum256([]byte("correct horse")), sha256.Sum256([]byte(password))
	return name == "ada" && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

func fail(w http.ResponseWriter, err error) {
	status := session.ErrorStatus(err)
	http.Error(w, http.StatusText(status), status)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	homePage.Execute(w, session.FromContext(r.Context()).Subject())
}

var homePage = template.Must(template.New("").Parse(`<!doctype html>
<title>Notes</title>
{{if .}}<p>You are {{.}}.</p>
<form method="post" action="/notes"><input name="text"><button>Add a note</button></form>
<form method="post" action="/signout"><button>Sign out</button></form>
<p><a href="/notes">Notes</a> <a href="/sessions">Sessions</a></p>
{{else}}<form method="post" action="/signin"><input name="name" value="ada"><input name="password" type="password"><button>Sign in</button></form>{{end}}
`))
