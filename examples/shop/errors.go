package main

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/b4468f51/session"
)

// errBusy is returned where too many passwords wait to be hashed.
var errBusy = errors.New("too many passwords to hash")

// A statusError is an error that is no more than an HTTP status.
type statusError int

func (e statusError) Error() string { return http.StatusText(int(e)) }

// A badForm is a request body that is no form, or too long.
type badForm struct{ err error }

func (e badForm) Error() string { return e.err.Error() }
func (e badForm) Unwrap() error { return e.err }

// answerError answers with the page of an error. It is the ErrorHandler of the
// sessions as well, so it must do without one. What went wrong is for the log;
// the visitor is told what to do.
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	status := errorStatus(err)
	if status >= 500 && r.Context().Err() == nil { // else the client hung up, which is no fault
		slog.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	errorPage(status).ServeHTTP(w, r)
}

func errorStatus(err error) int {
	var known statusError
	var tooLong *http.MaxBytesError
	var form badForm
	switch {
	case errors.As(err, &known):
		return int(known)
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &form):
		return http.StatusBadRequest
	case errors.Is(err, errTooOften):
		return http.StatusTooManyRequests
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable
	default:
		return session.ErrorStatus(err)
	}
}

// An errorText is what a visitor is told.
type errorText struct {
	Status        int
	Title, Advice string
}

var errorTexts = map[int]errorText{
	400: {Title: "That did not arrive whole", Advice: "The form could not be read. Please go back and send it again."},
	403: {Title: "That form was not taken", Advice: "It came from another site, or was shown before you signed in or out. To keep your account safe, nothing was changed. Please start from the shop."},
	404: {Title: "There is no such page", Advice: "The link may be old or mistyped. Everything we sell is in the shop."},
	405: {Title: "That does not work here", Advice: "This address cannot be used in that way. Please start from the shop."},
	409: {Title: "Your session has changed", Advice: "You signed in or out meanwhile, or your session has ended. Nothing was changed. Please try again."},
	413: {Title: "That was too much", Advice: "The form was too long. Please go back and shorten what you entered."},
	422: {Title: "That is not possible", Advice: "The product or the quantity is not one that we have. Nothing was changed."},
	429: {Title: "That was too often", Advice: "So much was asked of us lately, from your connection, for this account or by everybody, that we have to pause. Please try again in a minute."},
	500: {Title: "Something went wrong", Advice: "It is our mistake, and has been noted. Please try again in a moment."},
	503: {Title: "We will be right back", Advice: "The shop cannot be reached just now. You are still signed in, and your cart is safe. Please try again in a moment."},
}

// errorPage returns the handler that answers with the page of a status.
func errorPage(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text, ok := errorTexts[status]
		if !ok {
			text.Title = http.StatusText(status)
			text.Advice = "Please start again from the shop."
		}
		text.Status = status
		switch status {
		case http.StatusServiceUnavailable:
			w.Header().Set("Retry-After", "5")
		case http.StatusTooManyRequests:
			w.Header().Set("Retry-After", "60")
		}
		w.Header().Del("Content-Length")
		if err := write(w, status, "error.html", layout{Title: text.Title, Content: text}); err != nil {
			slog.Error("error page", "status", status, "error", err)
			http.Error(w, http.StatusText(status), status)
		}
	})
}
