// Package guard has the middleware that stands before what takes a sign-in, a recent
// one or a strong one. It redirects who opens a page to the sign-in page, answers all
// others with 401, and leads back.
//
// It knows who may pass, and what the others are told. A session knows who is signed in,
// since when and how strongly: see [session.Session.Login] and
// [session.Session.Reauthenticate].
package guard

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/b4468f51/session"
)

// A Guard passes the requests of clients that are signed in, recently or
// strongly enough, and refuses all others. Its methods make middleware for
// alice, to stand after [session.Manager.Handler]; the zero Guard answers 401.
//
// A refused client that shows pages is redirected to one, with the page that it
// wanted in the query; see [ReturnTo]. The request for that page itself passes, so a
// Guard can stand around a whole site; the page is known by its path alone, so nothing
// else may be there under another query. A second Guard around the same site needs the
// same SignIn and Confirm: it would redirect the first one's pages, and the first
// one its own, for ever. All other clients, such as scripts, get 401 from
// Config.ErrorHandler, with [ErrSignInRequired] or [ErrStepUpRequired]; the
// header WWW-Authenticate is set before. A request of htmx gets 401 too, and
// HX-Redirect beside it.
//
// Settings with which nobody could ever pass are mistakes in the program, and panic
// when the middleware is made: a page that is no path from the root, a level that no
// sign-in has, a time that is not positive.
type Guard struct {
	// Manager is whose sessions count, where several managers are nested.
	// Default the innermost.
	Manager *session.Manager

	// SignIn is where clients are redirected that are not signed in, a path on
	// this site such as "/signin". It is spelled as the router has it, with
	// what http.StripPrefix cuts off in front. Default none: 401 for all.
	SignIn string

	// Confirm is where clients are redirected that are signed in, but not
	// recently or strongly enough: a page that asks for the password once more
	// and calls [session.Session.Reauthenticate]. Default SignIn.
	Confirm string

	// Redirects tells whether to redirect a refused request. Default: whether
	// the browser opens a page (Sec-Fetch-Mode is navigate) or Accept names
	// text/html, unless htmx has sent it.
	Redirects func(r *http.Request) bool
}

// RequireSubject passes requests of signed-in users, and redirects all others to
// signIn or answers 401: see [Guard], which it is short for.
func RequireSubject(signIn string) func(http.Handler) http.Handler {
	return Guard{SignIn: signIn}.RequireSubject
}

// RequireRecent passes requests whose subject has signed in, or
// reauthenticated, at most this long ago, and redirects all others to confirm or
// answers 401: see [Guard], which it is short for.
func RequireRecent(within time.Duration, confirm string) func(http.Handler) http.Handler {
	return Guard{SignIn: confirm}.RequireRecent(within)
}

// RequireLevel passes requests whose subject has signed in at least at this
// level, and redirects all others to confirm or answers 401: see [Guard], which
// it is short for, and [session.Session.Reauthenticate].
func RequireLevel(level int, confirm string) func(http.Handler) http.Handler {
	return Guard{SignIn: confirm}.RequireLevel(level)
}

// RequireSubject passes requests whose session is bound to a subject.
func (g Guard) RequireSubject(next http.Handler) http.Handler {
	return g.require(next, "RequireSubject", rule{met: func(*session.Session) bool { return true }})
}

// RequireRecent makes a middleware that passes requests whose subject has signed
// in, or reauthenticated, at most this long ago.
func (g Guard) RequireRecent(within time.Duration) func(http.Handler) http.Handler {
	if within <= 0 {
		panic(fmt.Sprintf("guard: RequireRecent within %v: nobody could pass", within))
	}
	return func(next http.Handler) http.Handler {
		return g.require(next, "RequireRecent", rule{within: within, met: func(s *session.Session) bool {
			at := s.AuthenticatedAt()
			return !at.IsZero() && time.Since(at) <= within
		}})
	}
}

// RequireLevel makes a middleware that passes requests whose subject has signed
// in at least at this level.
func (g Guard) RequireLevel(level int) func(http.Handler) http.Handler {
	if level < 0 || level > math.MaxUint8 {
		panic(fmt.Sprintf("guard: RequireLevel of %d: levels are 0 to %d, see Session.Reauthenticate", level, math.MaxUint8))
	}
	return func(next http.Handler) http.Handler {
		return g.require(next, "RequireLevel", rule{met: func(s *session.Session) bool { return s.Level() >= level }})
	}
}

// A rule is what a guard asks of a session that has a subject.
type rule struct {
	met    func(s *session.Session) bool
	within time.Duration // of RequireRecent, to tell the client
}

func (g Guard) require(next http.Handler, name string, rule rule) http.Handler {
	if g.Redirects == nil {
		g.Redirects = showsPages
	}
	signIn, confirm := newPage(name, g.SignIn), newPage(name, g.Confirm)
	if g.Confirm == "" {
		confirm = signIn
	}
	return g.Manager.Inside("guard."+name, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		missing := refusal{guard: &g, s: s, page: signIn, err: ErrSignInRequired}
		if s.Subject() != "" {
			if rule.met(s) {
				next.ServeHTTP(w, r)
				return
			}
			missing.page, missing.err, missing.within = confirm, ErrStepUpRequired, rule.within
		}
		if missing.page.is(r) { // else the client would be sent here for ever
			next.ServeHTTP(w, r)
			return
		}
		missing.answer(w, r)
	})
}
