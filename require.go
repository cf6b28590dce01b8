package session

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The constructors in this file make middleware for alice, to stand after
// [Manager.Handler]: they look at the session that the request has.

// RequireSubject lets only requests pass whose session is bound to a subject. A
// page at signIn, a path on this site such as "/signin", is where others are
// sent, with the page they wanted in the query; see [ReturnTo]. With an empty
// signIn, as for JSON, the answer is 401.
func RequireSubject(signIn string) func(http.Handler) http.Handler {
	return require(signIn, "", func(s *Session) bool { return s.Subject() != "" })
}

// RequireRecent lets only requests pass whose subject has signed in, or
// reauthenticated, at most this long ago. Others are sent to a page that asks
// for the password once more and calls [Session.Reauthenticate], or get 401, as
// RequireSubject does. An anonymous session is never recent.
func RequireRecent(within time.Duration, confirm string) func(http.Handler) http.Handler {
	return require(confirm, "insufficient_user_authentication", func(s *Session) bool {
		at := s.AuthenticatedAt()
		return s.Subject() != "" && !at.IsZero() && time.Since(at) <= within
	})
}

// RequireLevel lets only requests pass whose subject has signed in at least at
// this level; see [Session.Reauthenticate]. Others are sent to a page, or get
// 401, as with RequireRecent.
func RequireLevel(level int, confirm string) func(http.Handler) http.Handler {
	return require(confirm, "insufficient_user_authentication", func(s *Session) bool {
		return s.Subject() != "" && s.Level() >= level
	})
}

// require makes a middleware of a rule. What it lacks is told to programs as
// RFC 9470 has it.
func require(page, lacks string, met func(s *Session) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s := FromContext(r.Context())
			switch {
			case s == nil: // a mistake in the wiring must not let anybody pass
				notWrapped(w, r)
			case met(s):
				next.ServeHTTP(w, r)
			default:
				refuse(w, r, page, lacks)
			}
		})
	}
}

func refuse(w http.ResponseWriter, r *http.Request, page, lacks string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if page == "" {
		challenge := "Session"
		if lacks != "" {
			challenge += ` error="` + lacks + `"`
		}
		h.Set("WWW-Authenticate", challenge)
		http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead { // a form that was sent cannot be returned to
		sep := "?"
		if strings.Contains(page, "?") {
			sep = "&"
		}
		page += sep + returnTo + "=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
}

// returnTo is the parameter that remembers a page.
const returnTo = "return_to"

// ReturnTo returns the page that a request of the sign-in page should lead to:
// that which [RequireSubject] and its like remembered in the parameter
// return_to of the query or of the form, if it is a path on this site, and
// otherwise the fallback. A form has to hand the parameter on. What leads
// elsewhere is never returned, so to redirect to it is safe.
func ReturnTo(r *http.Request, fallback string) string {
	if page := r.FormValue(returnTo); isLocal(page) {
		return page
	}
	return fallback
}

// isLocal tells whether a browser takes a reference for a path on the same
// site. Browsers read backslashes as slashes, leave out tabs and line breaks,
// and take two slashes for the beginning of a host (WHATWG URL, 4.4).
func isLocal(page string) bool {
	if !strings.HasPrefix(page, "/") || strings.HasPrefix(page, "//") {
		return false
	}
	if strings.ContainsFunc(page, func(r rune) bool { return r == '\\' || r < ' ' || r == 0x7f }) {
		return false
	}
	u, err := url.Parse(page)
	return err == nil && u.Host == "" && u.Scheme == ""
}
