package session

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// A browser drops a cookie that it may not keep, and holds back one that belongs
// to another path, without a word to anybody: users cannot sign in, and each
// request stores another session. What can be told from a request is reported.

// maxLostHosts bounds the hosts that are reported: anybody can make them up.
const maxLostHosts = 16

// lostCookies are those that a manager has told its Observer of.
type lostCookies struct {
	rewritten atomic.Bool // a proxy changes paths, so that they say nothing

	mu    sync.Mutex
	hosts map[string]bool // without TLS
	path  bool            // one outside of Cookie.Path
}

// watchCookie reports that a cookie which is sent to the client of s will not come
// back.
func (m *Manager) watchCookie(ctx context.Context, s *Session, id ID) {
	if s.request == nil || m.cfg.Header != "" {
		return
	}
	c := &m.cfg.Cookie
	if err := m.lost.withoutTLS(c, s.request); err != nil {
		m.report(ctx, Event{Kind: EventCookieLost, ID: id, Err: err})
	}
	if err := m.lost.outside(c, s.request); err != nil {
		m.report(ctx, Event{Kind: EventCookieLost, ID: id, Err: err})
	}
}

// withoutTLS returns an error, once a host, where the browser says that it has
// asked by http. What this server sees of the connection says nothing: a proxy may
// end TLS before it.
func (l *lostCookies) withoutTLS(c *Cookie, r *http.Request) error {
	if c.Insecure || !askedWithoutTLS(r) {
		return nil
	}
	host := strings.ToLower(r.Host)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts[host] || len(l.hosts) >= maxLostHosts {
		return nil
	}
	if l.hosts == nil {
		l.hosts = make(map[string]bool)
	}
	l.hosts[host] = true
	return fmt.Errorf("session: a browser has asked for %q by http, where it drops a cookie with the attribute Secure: "+
		"nobody can sign in there, and each such request begins another session; "+
		"use https, or http://localhost, or set Config.Cookie.Insecure while you develop", host)
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

// outside returns an error, once, where the path that the browser has asked for is
// outside of the cookie's.
func (l *lostCookies) outside(c *Cookie, r *http.Request) error {
	if c.Path == "/" || l.rewritten.Load() {
		return nil
	}
	asked := requested(r).EscapedPath()
	if c.covers(asked) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path {
		return nil
	}
	l.path = true
	return fmt.Errorf("session: a request for %.200q has set the cookie, which browsers send to Config.Cookie.Path, %q, alone: "+
		"a handler outside of it finds no session, and begins another each time; "+
		"set Path to /, or keep such handlers below it; if a proxy changes paths, all is well", asked, c.Path)
}

// cameBack notes that a request has the cookie: if its path is outside of the
// cookie's, the browser has asked for another.
func (l *lostCookies) cameBack(c *Cookie, r *http.Request) {
	if c.Path != "/" && !c.covers(requested(r).EscapedPath()) {
		l.rewritten.Store(true)
	}
}

// covers tells whether a browser sends the cookie with a request for a path (RFC
// 6265 5.1.4).
func (c *Cookie) covers(path string) bool {
	rest, ok := strings.CutPrefix(path, c.Path)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(c.Path, "/"))
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
