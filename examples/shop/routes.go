package main

import (
	"net/http"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/guard"
	"github.com/justinas/alice"
)

// maxBody is the longest request body, in bytes. The forms need far less.
const maxBody = 64 << 10

// sessionConfig says how long visitors are remembered, and what they see where
// their session cannot be had.
func sessionConfig(insecure bool) session.Config {
	return session.Config{
		App:            "shop",
		Lifetime:       24 * time.Hour,
		IdleTimeout:    4 * time.Hour,
		MaxLifetime:    rememberMe.Absolute,
		MaxIdleTimeout: rememberMe.Idle,
		MaxSessions:    20,
		AdmitAnonymous: admitVisitors(limitClient(60, time.Second), session.LimitRate(1000, time.Minute)),
		Client:         session.RequestClient,
		Cookie:         session.Cookie{Insecure: insecure},
		ErrorHandler:   answerError,
	}
}

// A shop is what its handlers share.
type shop struct {
	users     *users
	sessions  *session.Manager
	throttles throttles
}

// newShop returns the whole site.
func newShop(users *users, sessions *session.Manager) http.Handler {
	s := &shop{users, sessions, newThrottles()}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", page(s.showProducts))
	mux.Handle("GET /cart", page(s.showCart))
	mux.Handle("POST /cart/add", page(s.addToCart))
	mux.Handle("POST /cart/set", page(s.setInCart))
	mux.Handle("GET /signup", page(s.showSignUp))
	mux.Handle("POST /signup", page(s.signUp))
	mux.Handle("GET /signin", page(s.showSignIn))
	mux.Handle("POST /signin", page(s.signIn))
	mux.Handle("POST /signout", page(s.signOut))

	// Who wants one of these pages signs in first, and comes back.
	private := alice.New(guard.RequireSubject("/signin"))
	mux.Handle("GET /account", private.Then(page(s.showAccount)))
	mux.Handle("POST /account/revoke", private.Then(page(s.revoke)))
	mux.Handle("POST /account/revoke-others", private.Then(page(s.revokeOthers)))
	mux.Handle("POST /account/revoke-all", private.Then(page(s.revokeAll)))
	mux.Handle("GET /confirm", private.Then(page(s.showConfirm)))
	mux.Handle("POST /confirm", private.Then(page(s.confirm)))

	// Who is signed in may have left the screen: ask for the password again.
	confirmed := private.Append(
		guard.RequireLevel(levelConfirmed, "/confirm"),
		guard.RequireRecent(confirmedFor, "/confirm"))
	mux.Handle("GET /account/password", confirmed.Then(page(s.showPassword)))
	mux.Handle("POST /account/password", confirmed.Then(page(s.changePassword)))

	// From the outside in: what a middleware refuses, those after it never see.
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(errorPage(http.StatusForbidden))
	pages := alice.New(
		crossOrigin.Handler,
		sessions.Handler,
		csrf.Require,
	).Then(friendly(mux))

	// What needs no session stands beside what does, and costs none.
	static := http.NewServeMux()
	static.Handle("GET /static/{file}", staticFiles())
	site := http.NewServeMux()
	site.Handle("/static/", friendly(static))
	site.Handle("/", pages)
	return alice.New(
		logRequests,
		recoverPanics,
		secureHeaders,
		limitBody,
	).Then(site)
}

// page makes a handler of a function that may fail.
func page(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			answerError(w, r, badForm{err})
			return
		}
		if err := f(w, r); err != nil {
			answerError(w, r, err)
		}
	})
}

// friendly answers with a page where the mux would answer with a line of text:
// no such path, or not by this method.
func friendly(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, pattern := mux.Handler(r); pattern == "" {
			a := answer{header: http.Header{}}
			h.ServeHTTP(&a, r)
			if a.status >= 400 {
				if allow := a.header.Get("Allow"); allow != "" {
					w.Header().Set("Allow", allow)
				}
				errorPage(a.status).ServeHTTP(w, r)
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// An answer keeps the status and the header of a response, and not its body.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return len(p), nil }
