package session

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/b4468f51/session/internal/carrier"
	"github.com/b4468f51/session/internal/sid"
)

// formCookies are the cookies of a request that CSRF tokens may be made of.
type formCookies struct {
	secrets [carrier.MaxCandidates]sid.Secret // different ones
	n       int                               // of them
	total   int                               // cookies of the name, bad ones and repeated ones included
	only    bool                              // a client that keeps to the rules has one at most
}

func (s *Session) formCookies() (f formCookies) {
	if s.request == nil {
		return f
	}
	found, different, total := s.m.formCookie.Read(s.request.Header)
	f.total, f.only = total, s.m.carrier.OnlyOne()
	for _, text := range found[:different] {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err == nil && len(raw) == sid.SecretSize {
			f.secrets[f.n] = sid.Secret(raw)
			f.n++
		}
	}
	return f
}

// missing returns why no token can be good, whatever it is.
func (f *formCookies) missing() error {
	switch {
	case f.total == 0:
		return errNoFormCookie
	case f.total > carrier.MaxCandidates || f.total > 1 && f.only:
		return errFormCookies
	case f.n == 0:
		return errBadFormCookie
	}
	return nil
}

// formCookie returns the cookie of CSRF tokens, which has the attributes of the
// session's.
func (c *Config) formCookie() carrier.Cookie {
	ck := c.Cookie.carried()
	ck.Name += csrfSuffix
	return ck
}

// keepFormCookieLocked makes the cookie of CSRF tokens due once more, beside a
// cookie of the session that outlives the browser: it must outlive it too.
func (s *Session) keepFormCookieLocked() {
	if s.formSecret == nil {
		if found := s.formCookies(); found.n == 1 {
			s.formSecret = &found.secrets[0]
		}
	}
	s.formDue = s.formSecret != nil
}

func (s *Session) sendFormCookieLocked(h http.Header) {
	if !s.formDue {
		return
	}
	s.formDue = false
	var until time.Time
	if s.persistentLocked() {
		until = time.Now().Add(s.m.cfg.AnonymousLifetime)
		if deadline := s.draft.Deadline(); deadline != 0 {
			until = deadline.Time()
		}
	}
	text := base64.RawURLEncoding.EncodeToString(s.formSecret[:])
	s.m.formCookie.Write(h, text, until)
	carrier.ForbidStore(h)
}
