package session

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/b4468f51/session/internal/carrier"
	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/sid"
)

// bindCookies are the cookies of a request that a Binding may be made of.
type bindCookies struct {
	secrets [carrier.MaxCandidates]sid.Secret // different ones
	n       int                               // of them
	total   int                               // cookies of the name, bad ones and repeated ones included
}

func (s *Session) bindCookies() (b bindCookies) {
	if s.request == nil {
		return b
	}
	found, different, total := s.m.bindCookie.Read(s.request.Header)
	b.total = total
	for _, text := range found[:different] {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err == nil && len(raw) == sid.SecretSize {
			b.secrets[b.n] = sid.Secret(raw)
			b.n++
		}
	}
	return b
}

// bindCookie returns the cookie of bindings, which has the attributes of the session's.
func (c *Config) bindCookie() carrier.Cookie {
	ck := c.Cookie.carried()
	ck.Name += bindSuffix
	return ck
}

// keepBindCookieLocked makes the cookie due once more, beside a cookie of the session that
// outlives the browser: it must outlive it too.
func (s *Session) keepBindCookieLocked(x *extra) {
	if x.bindSecret == nil {
		if found := s.bindCookies(); found.n == 1 {
			x.bindSecret = &found.secrets[0]
		}
	}
	x.bindDue = x.bindSecret != nil
}

// bindCookieDue tells whether the client has to be sent the cookie.
func (s *Session) bindCookieDue() bool {
	x := s.extra.Load()
	if x == nil {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.bindDue
}

// sendBeside writes the cookie beside that of the session, if it is due, or if that one
// outlives the browser, until then.
func (s *Session) sendBeside(h http.Header, until time.Time) {
	if s.extra.Load() == nil && until.IsZero() {
		return
	}
	x := s.extras()
	x.mu.Lock()
	defer x.mu.Unlock()
	s.sendBesideLocked(x, h, until)
}

func (s *Session) sendBesideLocked(x *extra, h http.Header, until time.Time) {
	if !until.IsZero() && s.life.HasHeader() {
		s.keepBindCookieLocked(x)
	}
	s.sendBindCookieLocked(x, h)
}

// sendBindCookieLocked writes the cookie to the header of a response, if it is due.
func (s *Session) sendBindCookieLocked(x *extra, h http.Header) {
	if !x.bindDue {
		return
	}
	x.bindDue = false
	var until time.Time
	if s.life.Persistent() {
		until = time.Now().Add(s.m.cfg.AnonymousLifetime)
		if deadline := life.Read(&s.life, (*change.Draft).Deadline); deadline != 0 {
			until = deadline.Time()
		}
	}
	text := base64.RawURLEncoding.EncodeToString(x.bindSecret[:])
	s.m.bindCookie.Write(h, text, until)
	carrier.ForbidStore(h)
}

// bindKey stands in the place of BindBase for a client without a session. A session that
// begins while the client has the cookie takes it over, so that what was bound before
// stays good. One that has a secret of its own is not fooled by a cookie that was planted
// later.
func bindKey(secret *sid.Secret) []byte {
	sum := sha256.Sum256(append([]byte("session form cookie\x00"), secret[:]...))
	return sum[:]
}

// firstBindKey returns the bindKey for a session that is stored for the first time, and
// nil where the client has no cookie, or several.
func (s *Session) firstBindKey() []byte {
	if s.m.cfg.Header != "" {
		return nil
	}
	found := s.bindCookies()
	if found.n == 1 {
		return bindKey(&found.secrets[0])
	}
	x := s.extra.Load()
	if found.n > 1 || x == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.bindSecret == nil {
		return nil
	}
	return bindKey(x.bindSecret) // of this very response
}
