package csrf

import (
	"errors"
	"net/http"
	"strings"
)

// Errors of a request whose token is missing or not good.
var (
	// ErrRefused is what Config.ErrorHandler is given where [Require] refuses a request,
	// and what [Verify] returns; its text says why. Show the form anew. The default
	// answer is 403, or 413 or 400 where the body of the request is too long or no form.
	ErrRefused error = forbidden{errors.New("csrf: the token is missing or not good")}

	// ErrOldForm is wrapped by an ErrRefused where the form was shown to this client, but
	// before a Login, a Renew or a Destroy: in another tab, say. To show the form anew with
	// what was entered is all it takes.
	ErrOldForm = errors.New("csrf: the form is from before a sign-in, a renewal or a sign-out")
)

// forbidden is an error with the status 403.
type forbidden struct{ error }

// Status is for [session.ErrorStatus].
func (forbidden) Status() int { return http.StatusForbidden }

// A refusal is an ErrRefused with its reason.
type refusal struct {
	reason string
	err    error // that it wraps, nil for none
	status int
}

var (
	errNoToken        = refuse("there is none: put csrf.Field into the form, or the header X-CSRF-Token into the request")
	errForged         = refuse("it was not made for this client")
	errOld      error = &refusal{"the form is from before a sign-in, a renewal or a sign-out", ErrOldForm, http.StatusForbidden}
	errNoCookie       = refuse("the client did not send its cookie: it was shown no form, or it drops the cookie, as browsers do with Secure ones over http://")

	errForeignCookie  = refuse("the client sent a cookie for it that this site did not set")
	errSeveralCookies = refuse("the client sent several cookies for it, or more than three: another site of the domain may have planted some")
)

func refuse(reason string) error { return &refusal{reason, nil, http.StatusForbidden} }

// unreadable says why a token was not found in a body.
func unreadable(err error) error {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, errAfterFile), errors.Is(err, errTooFarIn):
		return refuse("the form's field " + fieldName + " was not found: " + err.Error())
	case errors.As(err, &tooLong):
		return &refusal{"the form is too long", err, http.StatusRequestEntityTooLarge}
	default:
		return &refusal{"the form cannot be read", err, http.StatusBadRequest}
	}
}

// Error says why; the text has nothing of what the client sent.
func (e *refusal) Error() string {
	text := ErrRefused.Error() + ": " + e.reason
	if e.status != http.StatusForbidden {
		text += ": " + uncited(e.err)
	}
	return text
}

// Is makes every refusal an ErrRefused.
func (e *refusal) Is(target error) bool { return target == ErrRefused }

// Unwrap returns what the refusal wraps.
func (e *refusal) Unwrap() error { return e.err }

// Status is for [session.ErrorStatus].
func (e *refusal) Status() int { return e.status }

// uncited returns the text of an error up to where it cites what the client has sent:
// that may be a password, and of any length.
func uncited(err error) string {
	text, _, _ := strings.Cut(err.Error(), `"`)
	return strings.TrimRight(text, ": ")
}
