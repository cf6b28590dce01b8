package session

import (
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"sync"

	"github.com/b4468f51/session/internal/change"
)

// Errors of a request whose CSRF token is missing or not good.
var (
	// ErrCSRF is what Config.ErrorHandler is given where [RequireCSRF] refuses a
	// request; its text says why. Show the form anew. The default answer is 403,
	// or 413 or 400 where the body of the request is too long or no form.
	ErrCSRF = errors.New("session: the CSRF token is missing or not good")

	// ErrOldForm is wrapped by an ErrCSRF where the form was shown to this
	// client, but before a Login, a Renew or a Destroy: in another tab, say. To
	// show the form anew with what was entered is all it takes.
	ErrOldForm = errors.New("session: the form is from before a sign-in, a renewal or a sign-out")
)

// A csrfError is an ErrCSRF with its reason.
type csrfError struct {
	reason string
	err    error // that it wraps, nil for none
	status int
}

func (e *csrfError) Error() string {
	text := ErrCSRF.Error() + ": " + e.reason
	if e.status != http.StatusForbidden {
		text += ": " + uncited(e.err)
	}
	return text
}

func (e *csrfError) Is(target error) bool { return target == ErrCSRF }
func (e *csrfError) Unwrap() error        { return e.err }

// Status is for [ErrorStatus].
func (e *csrfError) Status() int { return e.status }

var (
	errNoToken       = refuseCSRF("there is none: put CSRFField into the form, or the header X-CSRF-Token into the request")
	errForgedToken   = refuseCSRF("it was not made for this client")
	errOldToken      = &csrfError{"the form is from before a sign-in, a renewal or a sign-out", ErrOldForm, http.StatusForbidden}
	errNoFormCookie  = refuseCSRF("the client did not send its cookie: it was shown no form, or it drops the cookie, as browsers do with Secure ones over http://")
	errBadFormCookie = refuseCSRF("the client sent a cookie for it that this site did not set")
	errFormCookies   = refuseCSRF("the client sent several cookies for it, or more than three: another site of the domain may have planted some")
)

func refuseCSRF(reason string) error { return &csrfError{reason, nil, http.StatusForbidden} }

// unreadableForm says why a token was not found in a body.
func unreadableForm(err error) error {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, errAfterFile), errors.Is(err, errTooFarIn):
		return refuseCSRF("the form's field " + csrfField + " was not found: " + err.Error())
	case errors.As(err, &tooLong):
		return &csrfError{"the form is too long", err, http.StatusRequestEntityTooLarge}
	default:
		return &csrfError{"the form cannot be read", err, http.StatusBadRequest}
	}
}

// A CSRF is [RequireCSRF] and [CSRFField] for the sessions of one manager, where
// several managers are nested. The zero CSRF takes the innermost.
type CSRF struct {
	Manager *Manager
}

// CSRFField returns a hidden form field with a CSRF token, for templates: as a
// function of theirs, or as a part of their data. In a form with files it must
// stand before the first. Have the template write to a
// buffer, since the cookie has to leave before the page. Errors are those of
// [Session.CSRFToken].
func CSRFField(r *http.Request) (template.HTML, error) { return CSRF{}.Field(r) }

// RequireCSRF is a middleware for alice, to stand after [Manager.Handler], that
// passes requests which may change something only with a good CSRF token, in
// the form field csrf_token or the header X-CSRF-Token. GET, HEAD, OPTIONS and
// TRACE pass without; a token in the URL counts for nothing. With Config.Header,
// which other sites cannot send, all requests pass: where a manager with a header
// stands inside of one with a cookie, name the latter in [CSRF].
//
// All others are Config.ErrorHandler's to answer, with [ErrCSRF], and reported as
// EventForged, or EventDuplicate where several cookies are the reason. Put it
// inside of guard.RequireSubject, so that a form that was sent after the session expired
// leads to the sign-in page, and not to such an error.
//
// The body is read only where the client has the cookie and there is no
// header. Of a multipart form only what stands before its first file, at most a MiB,
// is looked at, and stays for the handler to read; any other form is parsed,
// at most 10 MiB of it.
//
// [http.CrossOriginProtection] does the same in today's browsers without a
// token, and should stand before it in any case.
func RequireCSRF(next http.Handler) http.Handler { return CSRF{}.Require(next) }

// Field is [CSRFField].
func (c CSRF) Field(r *http.Request) (template.HTML, error) {
	token, err := sessionOf(r, c.Manager).CSRFToken()
	if err != nil {
		return "", err
	}
	return template.HTML(`<input type="hidden" name="` + csrfField + `" value="` + token + `">`), nil
}

// Require is [RequireCSRF].
func (c CSRF) Require(next http.Handler) http.Handler {
	lost := misplaced{name: "RequireCSRF", m: c.Manager}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
			next.ServeHTTP(w, r)
			return
		}
		s := sessionOf(r, c.Manager)
		if s == nil { // a mistake in the wiring must not let anybody pass
			lost.answer(w, r)
			return
		}
		if err := s.checkRequest(r); err != nil {
			s.reportForged(r, err)
			s.m.Answer(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkRequest looks at what costs least first: most forged requests come without
// the cookie, so their bodies are never read.
func (s *Session) checkRequest(r *http.Request) error {
	token := r.Header.Get(csrfHeader)
	err := s.checkCSRF(token)
	if err != errNoToken {
		return err
	}
	if token, err = bodyField(r, csrfField); err != nil {
		return unreadableForm(err)
	}
	return s.checkCSRF(token)
}

func (s *Session) reportForged(r *http.Request, err error) {
	kind := EventForged
	if err == errFormCookies {
		kind = EventDuplicate
	}
	s.m.report(r.Context(), view(s, func(d *change.Draft) Event {
		return Event{Kind: kind, ID: d.Rec.ID, Subject: d.Rec.Subject, Err: err}
	}))
}

// sessionOf returns the session that a middleware looks at.
func sessionOf(r *http.Request, m *Manager) *Session {
	if m != nil {
		return m.FromContext(r.Context())
	}
	return FromContext(r.Context())
}

// misplaced answers for a middleware that finds no session. Anybody can send
// such requests, so it writes one line to the log, not one for each.
type misplaced struct {
	name string
	m    *Manager // nil where none was named
	once sync.Once
}

func (p *misplaced) answer(w http.ResponseWriter, r *http.Request) {
	p.once.Do(func() {
		slog.ErrorContext(r.Context(), "session: "+p.name+" stands where there is no session, and answers 500 there",
			"path", r.URL.Path, "error", ErrNoSession)
	})
	p.m.Answer(w, r, ErrNoSession)
}
