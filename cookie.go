package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/b4468f51/session/internal/carrier"
)

// A Cookie describes the cookie that carries the token. It is always HttpOnly.
// Names and attributes are as in [RFC 6265bis].
//
// [RFC 6265bis]: https://datatracker.ietf.org/doc/draft-ietf-httpbis-rfc6265bis/
type Cookie struct {
	// Name is by default __Host- and Config.App, or __Host-id if that is empty. Browsers
	// accept such a cookie only for this host and from a secure origin. If Domain, Path
	// or Insecure rule that out, the default is the name without the prefix.
	//
	// A cookie is for all ports of a host. So two programs on one host, also on
	// localhost, replace each other's cookies of the same name, and sign each other's
	// users out. Give each its own Config.App.
	Name string

	// Domain lets subdomains see the cookie. It is like example.com, never one label or
	// an address. Browsers drop the cookie of a public suffix too, such as co.uk, which
	// NewManager does not know. Default none: this host alone.
	Domain string

	// Path is where browsers send the cookie to, percent-encoded as they write it: /app is
	// /app and everything below it, but not /application. A handler outside of it finds
	// no session, and if it sets something, it stores another one each time. The first
	// one is reported as [EventCookieLost]. Default /.
	Path string

	// SameSite, default Lax. None needs Secure.
	SameSite http.SameSite

	// Insecure leaves the attribute Secure out, for development without TLS. Browsers
	// drop a Secure cookie that comes by http, except that most of them keep it on
	// localhost. [EventCookieLost] reports hosts where they drop it. Never use Insecure
	// in production.
	Insecure bool

	// Partitioned gives each embedding site a cookie of its own (CHIPS). It
	// takes SameSite None and Secure.
	Partitioned bool

	// Persistent adds Max-Age and Expires, up to the session's deadline, so that the
	// cookie outlives the browser. Lifetime must be at most 400 days, which is the limit
	// of browsers. [Session.SetLifetime] decides for one session.
	Persistent bool
}

func (c Cookie) withDefaults(app string) Cookie {
	if c.Name == "" {
		c.Name = cmp.Or(app, "id")
		if c.Domain == "" && (c.Path == "" || c.Path == "/") && !c.Insecure {
			c.Name = carrier.HostPrefix + c.Name
		}
	}
	setDefault(&c.Path, "/")
	setDefault(&c.SameSite, http.SameSiteLaxMode)
	return c
}

// carried returns the attributes that are of each cookie.
func (c Cookie) carried() carrier.Cookie {
	return carrier.Cookie{
		Name: c.Name, Domain: c.Domain, Path: c.Path, SameSite: c.SameSite, Insecure: c.Insecure, Partitioned: c.Partitioned,
	}
}

// validate checks a Cookie that has its defaults. It names every mistake.
func (c Cookie) validate() error {
	var errs []error
	carried := c.carried()
	for _, mistake := range carried.Mistakes() {
		errs = append(errs, errors.New("session: Config.Cookie."+mistake))
	}
	return errors.Join(errs...)
}

// watchCookie reports that a cookie which is sent to the client of s will not come
// back.
func (m *Manager) watchCookie(ctx context.Context, s *Session, id ID) {
	if s.request == nil || m.cfg.Header != "" {
		return
	}
	if host, lost := m.lost.WithoutTLS(s.request); lost {
		m.report(ctx, Event{Kind: EventCookieLost, ID: id, Err: fmt.Errorf(
			"session: a browser has asked for %q by http, where it drops a cookie with the attribute Secure: "+
				"nobody can sign in there, and each such request begins another session; "+
				"use https, or http://localhost, or set Config.Cookie.Insecure while you develop", host)})
	}
	if path, lost := m.lost.Outside(s.request); lost {
		m.report(ctx, Event{Kind: EventCookieLost, ID: id, Err: fmt.Errorf(
			"session: a request for %.200q has set the cookie, which browsers send to Config.Cookie.Path, %q, alone: "+
				"a handler outside of it finds no session, and begins another each time; "+
				"set Path to /, or keep such handlers below it; if a proxy changes paths, all is well", path, m.cfg.Cookie.Path)})
	}
}
