package guard

import (
	"net/http"
	"net/url"
	"strings"
)

// returnTo is the parameter that remembers a page.
const returnTo = "return_to"

// ReturnTo returns the page that a request of the sign-in page should lead to:
// the one that a [Guard] remembered in the parameter return_to of the form or of
// the query, if it is a path on this site, and otherwise the fallback. The form
// of the sign-in page has to hand the parameter on. To redirect to the result is
// safe: it never leads to another site, nor back to the page of this request.
//
// ReturnTo leaves the body of a multipart form to be read by the handler: of one
// that was not parsed yet it sees the fields that stand before the first file.
func ReturnTo(r *http.Request, fallback string) string {
	page := formField(r, returnTo)
	if page == "" {
		page = r.URL.Query().Get(returnTo)
	}
	if u, ok := localURL(page); ok && !samePath(u, requested(r)) {
		return page
	}
	return fallback
}

// localURL tells whether a browser takes a reference for a path on the same
// site. Browsers read backslashes as slashes, leave out tabs and line breaks,
// and take two slashes for the beginning of a host (WHATWG URL, 4.4).
func localURL(page string) (*url.URL, bool) {
	if !strings.HasPrefix(page, "/") || strings.HasPrefix(page, "//") {
		return nil, false
	}
	if strings.ContainsFunc(page, func(r rune) bool { return r == '\\' || r < ' ' || r == 0x7f }) {
		return nil, false
	}
	u, err := url.Parse(page)
	return u, err == nil && u.Host == "" && u.Scheme == ""
}
