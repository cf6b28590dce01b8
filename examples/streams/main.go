// Streams has a chat over a WebSocket and news by server-sent events. Both close when their session
// ends, on whatever machine, and the page goes to the form to sign in:
//
//	go run ./streams
//
// Open http://localhost:8080 in two browsers, sign in under one name, and press "sign out
// everywhere" in one of them. Begin with watched: it is what both streams have in common.
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/store/memstore"
	"github.com/coder/websocket"
	"github.com/justinas/alice"
)

func main() {
	sessions, err := session.NewManager(memstore.New(), session.Config{App: "streams"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Open http://localhost:8080")
	server := &http.Server{Addr: "localhost:8080", Handler: newSite(sessions), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// A site is what its handlers share.
type site struct {
	sessions *session.Manager
	room     room
}

func newSite(sessions *session.Manager) http.Handler {
	s := &site{sessions: sessions, room: room{members: map[chan string]bool{}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /signin", s.showSignIn)
	mux.HandleFunc("POST /signin", s.signIn)
	private := alice.New(guard.RequireSubject("/signin"))
	mux.Handle("GET /{$}", private.ThenFunc(s.showStreams))
	mux.Handle("POST /signout-everywhere", private.ThenFunc(s.signOutEverywhere))
	mux.Handle("GET /news", private.ThenFunc(s.news))
	mux.Handle("GET /chat", private.ThenFunc(s.chat))
	return alice.New(http.NewCrossOriginProtection().Handler, sessions.Handler, csrf.Require).Then(mux)
}

// watched returns the context of a stream, which ends with the session. What a stream says last,
// when it has ended for that reason, sends the page to the form to sign in.
func watched(w http.ResponseWriter, r *http.Request) (watch *session.Watch, ok bool) {
	watch, err := session.FromContext(r.Context()).Watch(r.Context())
	if err != nil {
		http.Error(w, http.StatusText(session.ErrorStatus(err)), session.ErrorStatus(err))
		return nil, false
	}
	return watch, true
}

// signedOut tells whether a stream has ended because its session has.
func signedOut(watch *session.Watch) bool { return context.Cause(watch) == session.ErrEnded }

// news says what time it is.
func (s *site) news(w http.ResponseWriter, r *http.Request) {
	watch, ok := watched(w, r)
	if !ok {
		return
	}
	defer watch.Stop()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	say := func(event, data string) error {
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, data)
		return http.NewResponseController(w).Flush()
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for err := say("time", time.Now().Format(time.TimeOnly)); err == nil; {
		select {
		case now := <-tick.C:
			err = say("time", now.Format(time.TimeOnly))
		case <-watch.Done():
			if signedOut(watch) {
				_ = say("signedout", "you were signed out")
			}
			return
		}
	}
}

// closeSignedOut is the status of a WebSocket that is closed because the session has ended: one of
// those that are left to applications (RFC 6455, section 7.4.2).
const closeSignedOut websocket.StatusCode = 4001

// chat passes what a user writes on to all who are in the room. What a user writes shows that they
// are there: it is use of the session.
func (s *site) chat(w http.ResponseWriter, r *http.Request) {
	watch, ok := watched(w, r)
	if !ok {
		return
	}
	defer watch.Stop()
	here := session.FromContext(r.Context())
	conn, err := websocket.Accept(w, r, nil) // which refuses other origins
	if err != nil {
		return // it has answered
	}
	defer conn.CloseNow()
	said := s.room.enter()
	defer s.room.leave(said)

	read := make(chan error, 1)
	go func() {
		for {
			_, text, err := conn.Read(r.Context())
			if err == nil {
				err = here.Touch(r.Context())
			}
			if err != nil {
				read <- err
				return
			}
			s.room.say(here.Subject() + ": " + string(text))
		}
	}()
	for {
		select {
		case text := <-said:
			if err := conn.Write(watch, websocket.MessageText, []byte(text)); err != nil {
				return
			}
		case <-watch.Done():
			if signedOut(watch) {
				conn.Close(closeSignedOut, "you were signed out")
			}
			return
		case err := <-read:
			if errors.Is(err, session.ErrEnded) {
				conn.Close(closeSignedOut, "you were signed out")
			}
			return
		}
	}
}

// A room has the members of the chat. One who reads too slowly misses something.
type room struct {
	mu      sync.Mutex
	members map[chan string]bool
}

func (r *room) enter() chan string {
	said := make(chan string, 16)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[said] = true
	return said
}

func (r *room) leave(said chan string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, said)
}

func (r *room) say(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for said := range r.members {
		select {
		case said <- text:
		default:
		}
	}
}

//go:embed pages.html
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages.html"))

func (s *site) showStreams(w http.ResponseWriter, r *http.Request) { s.show(w, r, "streams") }

func (s *site) showSignIn(w http.ResponseWriter, r *http.Request) { s.show(w, r, "signin") }

func (s *site) show(w http.ResponseWriter, r *http.Request, name string) {
	here := session.FromContext(r.Context())
	field, err := csrf.Field(r)
	if err == nil {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		err = pages.ExecuteTemplate(w, name, struct {
			Name   string
			Form   template.HTML
			Lapsed bool
		}{here.Subject(), field, r.URL.Query().Has("signedout") || here.Lapsed()})
	}
	if err != nil {
		log.Print(err)
	}
}

func (s *site) signIn(w http.ResponseWriter, r *http.Request) {
	name := r.PostFormValue("name")
	if name == "" || len(name) > 40 {
		http.Error(w, "a name has 1 to 40 characters", http.StatusBadRequest)
		return
	}
	// ... and a password, in a real program
	if err := session.FromContext(r.Context()).Login(name); err != nil {
		http.Error(w, http.StatusText(session.ErrorStatus(err)), session.ErrorStatus(err))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// signOutEverywhere ends the streams of the user in all browsers, this one included.
func (s *site) signOutEverywhere(w http.ResponseWriter, r *http.Request) {
	if _, err := s.sessions.RevokeAll(r.Context(), session.FromContext(r.Context()).Subject()); err != nil {
		http.Error(w, http.StatusText(session.ErrorStatus(err)), session.ErrorStatus(err))
		return
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}
