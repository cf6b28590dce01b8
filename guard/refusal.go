package guard

import (
	"cmp"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/b4468f51/session"
)

// Errors that Config.ErrorHandler is given where a [Guard] refuses a request and does
// not redirect it. [session.ErrorStatus] of both is 401, the default answer.
var (
	// ErrSignInRequired is the error of a client that is not signed in.
	ErrSignInRequired error = unauthorized{errors.New("guard: nobody is signed in")}

	// ErrStepUpRequired is the error of a client whose sign-in is too old for
	// RequireRecent or too weak for RequireLevel.
	ErrStepUpRequired error = unauthorized{errors.New("guard: the sign-in is too old or too weak for this")}
)

// unauthorized is an error with the status 401.
type unauthorized struct{ error }

// Status is for [session.ErrorStatus].
func (unauthorized) Status() int { return http.StatusUnauthorized }

// showsPages is the default of Guard.Redirects.
func showsPages(r *http.Request) bool {
	if isHTMX(r) { // its answer is a part of a page
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" || accepts(r.Header["Accept"], "text/html")
}

func isHTMX(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }

// accepts tells whether the lines of Accept name a media type: */* does not.
func accepts(lines []string, want string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			kind, params, err := mime.ParseMediaType(part)
			if err != nil || kind != want {
				continue
			}
			if q, err := strconv.ParseFloat(params["q"], 64); err != nil || q > 0 {
				return true
			}
		}
	}
	return false
}

// A refusal answers a request that a guard does not let pass.
type refusal struct {
	guard  *Guard
	s      *session.Session
	page   page
	err    error
	within time.Duration
}

func (f *refusal) answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	there := f.page.with(f.wanted(r))
	if f.page.ref != "" && f.guard.Redirects(r) {
		http.Redirect(w, r, there, http.StatusSeeOther)
		return
	}
	h.Set("WWW-Authenticate", f.challenge())
	if f.page.ref != "" && isHTMX(r) {
		h.Set("HX-Redirect", there)
	}
	f.s.Manager().Answer(w, r, f.err)
}

// wanted returns the page to return to, "" for none: a form that was sent cannot
// be returned to, and what htmx asks for is a part of the page that it was on.
func (f *refusal) wanted(r *http.Request) string {
	asks := r.Method == http.MethodGet || r.Method == http.MethodHead
	u := requested(r)
	if isHTMX(r) && !(asks && r.Header.Get("HX-Boosted") == "true") {
		var err error
		u, err = url.Parse(r.Header.Get("HX-Current-URL"))
		if err != nil || !strings.EqualFold(u.Host, r.Host) {
			return ""
		}
	} else if !asks {
		return ""
	}
	if f.page.like(u) {
		return "" // it would lead back here
	}
	return u.RequestURI()
}

// challenge tells programs what is missing, as RFC 6750 and RFC 9470 have it.
func (f *refusal) challenge() string {
	cfg := f.s.Manager().Config()
	bearer := cfg.Header == "Authorization"
	scheme, params := "Session", []string(nil)
	if bearer {
		scheme = "Bearer"
		params = append(params, `realm="`+cmp.Or(cfg.App, cfg.Cookie.Name)+`"`)
	}
	switch {
	case f.err == ErrStepUpRequired:
		params = append(params, `error="insufficient_user_authentication"`)
		if f.within > 0 {
			params = append(params, `max_age="`+strconv.FormatInt(int64(f.within/time.Second), 10)+`"`)
		}
	case bearer && f.s.Lapsed():
		params = append(params, `error="invalid_token"`)
	}
	return strings.TrimSpace(scheme + " " + strings.Join(params, ", "))
}
