// Package csrf protects forms with tokens. A request that may change something passes
// only with a token that this site has given to the same client, in the same sign-in.
//
// [Field] puts a token into a form, and [Require] is the middleware that asks for it.
// Scripts send what [Token] returns in the header X-CSRF-Token.
//
// This stops another site, a sibling host included, from having a browser send a request
// in its user's name: such a site can read no page of this one, and so has no token.
//
// It does not stop a script on this site's own pages, which can read them. It does not
// look at GET: a handler must not change anything for one, and asks [SameOrigin] before it
// upgrades one to a WebSocket. And without the prefix __Host-, which the cookie's name
// has by default, a sibling host can set the cookie of a form that it was shown itself, and
// make a visitor without a session send that form, for example to sign in as the attacker.
//
// [http.CrossOriginProtection] does the same in today's browsers without a token, and
// should stand before [Require] in any case. Tokens are for browsers that tell nothing of
// a request's origin.
package csrf

import (
	"html/template"
	"net/http"

	"github.com/b4468f51/session"
)

const (
	fieldName  = "csrf_token"   // of forms
	headerName = "X-Csrf-Token" // of requests by scripts
)

// A Protection is [Require] and [Field] for the sessions of one manager. The zero
// Protection serves where managers are not nested.
type Protection struct {
	// Manager is whose sessions count, where several managers are nested.
	// Default the innermost.
	Manager *session.Manager
}

// Field returns a hidden form field with a token, for templates: as a function of
// theirs, or as a part of their data. In a form with files it must stand before the
// first. Execute the template into a buffer, since the cookie has to leave before the
// page. Errors are those of [Token].
func Field(r *http.Request) (template.HTML, error) { return Protection{}.Field(r) }

// Field is the function [Field].
func (p Protection) Field(r *http.Request) (template.HTML, error) {
	token, err := Token(p.Manager.FromContext(r.Context()))
	if err != nil {
		return "", err
	}
	return template.HTML(`<input type="hidden" name="` + fieldName + `" value="` + token + `">`), nil
}

// Require is a middleware for alice, to stand after [session.Manager.Handler]. It passes
// requests which may change something only with a good token, in the form field
// csrf_token or the header X-CSRF-Token. GET, HEAD, OPTIONS and TRACE pass without; a
// token in the URL counts for nothing. With Config.Header, which other sites cannot send,
// all requests pass: where a manager with a header stands inside of one with a cookie,
// name the latter in a [Protection].
//
// Config.ErrorHandler answers all others, with [ErrRefused], and they are reported as
// [session.EventForged], or as [session.EventDuplicate] where several cookies are the
// reason. Put it inside of guard.RequireSubject, so that a form that was sent after the
// session expired leads to the sign-in page, and not to such an error.
//
// The body is read only where the client has the cookie and there is no header. Of a
// multipart form only what stands before its first file, at most a MiB, is looked at,
// and stays for the handler to read; any other form is parsed, at most 10 MiB of it.
func Require(next http.Handler) http.Handler { return Protection{}.Require(next) }

// Require is the function [Require].
func (p Protection) Require(next http.Handler) http.Handler {
	checked := p.Manager.Inside("csrf.Require", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := check(r, s); err != nil {
			report(r, s, err)
			s.Manager().Answer(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
			next.ServeHTTP(w, r)
		default:
			checked.ServeHTTP(w, r)
		}
	})
}

// check looks at what costs least first: most forged requests come without the cookie,
// so their bodies are never read.
func check(r *http.Request, s *session.Session) error {
	err := Verify(s, r.Header.Get(headerName))
	if err != errNoToken {
		return err
	}
	token, err := formField(r, fieldName)
	if err != nil {
		return unreadable(err)
	}
	return Verify(s, token)
}

func report(r *http.Request, s *session.Session, err error) {
	e := session.Event{Kind: session.EventForged, Subject: s.Subject(), Err: err}
	if err == errSeveralCookies {
		e.Kind = session.EventDuplicate
	}
	if !s.IsNew() || !s.Expires().IsZero() { // else the ID is nobody's yet
		e.ID = s.ID()
	}
	s.Manager().Report(r.Context(), e)
}
