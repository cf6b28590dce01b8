package session

import (
	"context"
	"net/http"
	"time"

	"github.com/b4468f51/session/internal/carrier"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/limit"
)

// load makes s the session of a request, and writes nothing. The store is asked
// with ctx, which is the zero one.
func (m *Manager) load(r *http.Request, s *Session, ctx *limit.Context) error {
	s.m, s.request = m, r
	found, different, total := m.carrier.Read(r.Header)
	if total > 0 {
		m.lost.CameBack(r)
	}
	return s.life.Load(m.host, &life.Visitor{
		Request: (*requestOf)(s),
		Time:    time.Now(),
		// A browser that keeps to the rules of the prefix has one such cookie. Of other
		// names it may have several, for different paths and domains, and somebody on a
		// sibling host may have planted one: neither order nor number may decide, only
		// that exactly one of them is good.
		Refused: total > carrier.MaxCandidates || total > 1 && m.carrier.OnlyOne(),
		Passive: m.cfg.Passive != nil && m.cfg.Passive(r),
		Upgrade: total > 0 && r.Header.Get("Upgrade") != "",
	}, found[:different], ctx)
}

// A requestOf answers what the life of a session asks about its request: it is a
// life.Request. As a type of its own it keeps these methods from the users of Session.
type requestOf Session

// Context is that of the request.
func (s *requestOf) Context() context.Context { return s.request.Context() }

// Admit asks Config.AdmitAnonymous.
func (s *requestOf) Admit() error {
	if admit := s.m.cfg.AdmitAnonymous; admit != nil {
		return admit(s.request)
	}
	return nil
}

// Tokens returns all that the request carries.
func (s *requestOf) Tokens() []string { return s.m.carrier.All(s.request.Header) }

// BoundTo returns what was bound to the client before it had a session.
func (s *requestOf) BoundTo() []byte { return (*Session)(s).firstBindKey() }

// TokenDue looks whether the cookie will be lost.
func (s *requestOf) TokenDue(ctx context.Context, id ID) { s.m.watchCookie(ctx, (*Session)(s), id) }

// MayLackToken tells whether the browser may not have sent the cookie because another site
// has made the request. SameSite makes it leave the cookie out of a form that is posted from
// there, and Strict of a link too.
func (s *requestOf) MayLackToken() bool {
	if s.m.cfg.Header != "" || s.request.Header.Get("Sec-Fetch-Site") != "cross-site" {
		return false
	}
	switch s.m.cfg.Cookie.SameSite {
	case http.SameSiteNoneMode:
		return false
	case http.SameSiteStrictMode:
		return true
	}
	switch s.request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	}
	return true
}
