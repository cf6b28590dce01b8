package guard

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
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
		panic(fmt.Sprintf("guard: %s redirects to %q: it must be a path on this site that begins with a slash, such as /signin", guard, ref))
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
