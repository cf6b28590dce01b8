package carrier

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// A browser drops a cookie that it may not keep, and holds back one that belongs to
// another path. It says nothing about either: users cannot sign in, and each request
// stores another session. Lost finds out what a request shows of it.

// maxLostHosts bounds the hosts that are told: anybody can make them up.
const maxLostHosts = 16

// Lost tells of requests to which a cookie will not come back. It tells each host once,
// and one path. It may be used by several goroutines at once.
type Lost struct {
	Cookie Cookie

	rewritten atomic.Bool // a proxy changes paths, so that they say nothing

	mu    sync.Mutex
	hosts map[string]bool // without TLS
	path  bool            // one outside of that of Cookie
}

// WithoutTLS returns a host where browsers drop the cookie because it is Secure: the
// browser says that it has asked by http. What this server sees of the connection says
// nothing, since a proxy may end TLS before it.
func (l *Lost) WithoutTLS(r *http.Request) (host string, lost bool) {
	if l.Cookie.Insecure || !askedWithoutTLS(r) {
		return "", false
	}
	host = strings.ToLower(r.Host)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts[host] || len(l.hosts) >= maxLostHosts {
		return "", false
	}
	if l.hosts == nil {
		l.hosts = make(map[string]bool)
	}
	l.hosts[host] = true
	return host, true
}

// askedWithoutTLS tells whether a browser says that it has asked this host by
// http, and the host is none for which it takes a Secure cookie all the same. The
// page that it was on had no TLS, and was of this host; and a request over TLS,
// which a plain page may lead to, has Sec-Fetch-Site.
func askedWithoutTLS(r *http.Request) bool {
	if len(r.Host) > 255 || r.Header.Get("Sec-Fetch-Site") != "" {
		return false
	}
	page := r.Header.Get("Origin")
	if !hasPrefixFold(page, "http://") {
		page = r.Header.Get("Referer")
	}
	if !hasPrefixFold(page, "http://") {
		return false
	}
	u, err := url.Parse(page)
	here := (&url.URL{Host: r.Host}).Hostname()
	return err == nil && strings.EqualFold(u.Hostname(), here) && !isLoopback(strings.ToLower(here))
}

// isLoopback tells whether a host is this machine's own, by name or by address.
func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Outside returns the path that the browser has asked for if that is outside of the
// cookie's: browsers will not send the cookie there.
func (l *Lost) Outside(r *http.Request) (path string, lost bool) {
	if l.Cookie.Path == "/" || l.rewritten.Load() {
		return "", false
	}
	asked := requested(r).EscapedPath()
	if l.Cookie.covers(asked) {
		return "", false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path {
		return "", false
	}
	l.path = true
	return asked, true
}

// CameBack notes that a request has the cookie. If its path is outside of the cookie's, a
// proxy has changed it: the browser asked for another.
func (l *Lost) CameBack(r *http.Request) {
	if l.Cookie.Path != "/" && !l.Cookie.covers(requested(r).EscapedPath()) {
		l.rewritten.Store(true)
	}
}

// covers tells whether a browser sends the cookie with a request for a path (RFC
// 6265 5.1.4).
func (c *Cookie) covers(path string) bool {
	rest, ok := strings.CutPrefix(path, c.Path)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(c.Path, "/"))
}

// requested returns the URL that the client asked for. In r.URL a part of the path may be
// missing: http.StripPrefix cuts it off.
func requested(r *http.Request) *url.URL {
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil || u.Opaque != "" { // a request that a test has made may have none
		return r.URL
	}
	return u
}
