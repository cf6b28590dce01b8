package session

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/b4468f51/session/internal/carrier"
)

// A page is where refused clients are redirected.
type page struct {
	ref string   // "" for none
	at  *url.URL // nil where there is none, or it is on another site
}

// newPage panics for a page that would be another one on each page that leads there.
func newPage(guard, ref string) page {
	u, err := url.Parse(ref)
	if err != nil || u.Path != "" && u.Host == "" && !strings.HasPrefix(ref, "/") {
		panic(fmt.Sprintf("session: %s redirects to %q: it must be a path on this site that begins with a slash, such as /signin", guard, ref))
	}
	if u.Path == "" || u.Host != "" || u.Scheme != "" {
		return page{ref: ref}
	}
	return page{ref, u}
}

// is tells whether a request asks for this page. The path must be spelled in the
// same way: the router may give another spelling to another handler. For the
// same reason the path that the router sees must be the one that the client
// asked for, except for a prefix that was cut off or put in front.
func (p page) is(r *http.Request) bool {
	if p.at == nil {
		return false
	}
	asked, seen := requested(r).EscapedPath(), r.URL.EscapedPath()
	return asked == p.at.EscapedPath() && (strings.HasSuffix(asked, seen) || strings.HasSuffix(seen, asked))
}

// like tells whether a URL on this site may lead to the page, however it is spelled.
func (p page) like(u *url.URL) bool { return p.at != nil && samePath(p.at, u) }

func samePath(a, b *url.URL) bool { return path.Clean(a.Path) == path.Clean(b.Path) }

// with returns the address of the page, with another one to return to.
func (p page) with(wanted string) string {
	if wanted == "" {
		return p.ref
	}
	ref, fragment, found := strings.Cut(p.ref, "#")
	sep := "?"
	if strings.Contains(ref, "?") {
		sep = "&"
	}
	ref += sep + returnTo + "=" + url.QueryEscape(wanted)
	if found {
		ref += "#" + fragment
	}
	return ref
}

// requested returns the path and the query that the client asked for. In r.URL a
// part of the path may be missing: http.StripPrefix cuts it off.
func requested(r *http.Request) *url.URL {
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil || u.Opaque != "" { // a request that a test has made may have none
		return r.URL
	}
	return u
}

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
	s      *Session
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
	f.s.m.answer(w, r, f.err)
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
	c := &f.s.m.cfg
	scheme, params := "Session", []string(nil)
	if c.Header == carrier.Authorization {
		scheme = "Bearer"
		params = append(params, `realm="`+c.realm()+`"`)
	}
	switch {
	case f.err == ErrStepUpRequired:
		params = append(params, `error="insufficient_user_authentication"`)
		if f.within > 0 {
			params = append(params, `max_age="`+strconv.FormatInt(int64(f.within/time.Second), 10)+`"`)
		}
	case c.Header == carrier.Authorization && f.s.Lapsed():
		params = append(params, `error="invalid_token"`)
	}
	return strings.TrimSpace(scheme + " " + strings.Join(params, ", "))
}
