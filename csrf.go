package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"

	"github.com/b4468f51/session/internal/sid"
)

// A CSRF token proves that a form was shown by this site, to this client. It
// holds two codes, made with the secret of a cookie of its own, which costs no
// row. The first is the same for as long as the client has that cookie. The
// second depends on the session too: it is new with each Login and Renew, and good for
// no other session. A store alone gives away none of them. A token with a good
// first and a bad second code is of an old form.

const (
	csrfField  = "csrf_token"   // of forms
	csrfHeader = "X-Csrf-Token" // of requests by scripts
	csrfSuffix = "-csrf"        // of the cookie's name, after that of the session

	clientCode = 16                       // bytes of the first code, which protects nothing
	formToken  = clientCode + sha256.Size // bytes of both
	maskedForm = 2 * formToken            // bytes of a mask, and of both behind it
)

// CSRFToken returns a token for a form of this response, or for a script to
// send in the header X-CSRF-Token. Each call returns another, so that none can
// be guessed from compressed responses (BREACH); all are good until the next
// Login, Renew or Reauthenticate, for as long as the client keeps the cookie: until
// the browser ends, or for as long as a persistent session. It sets that
// cookie where the client has none yet, named as the session's with -csrf behind it,
// but creates no session.
//
// A form that another site posts comes without the cookie. A page that answers it
// with a token gets a new one, and every form that the client has open is refused
// as [ErrCSRF]: redirect to the page instead.
//
// It returns [ErrHeadersSent] where the cookie cannot be sent any more, and an
// error without [Manager.Handler] or [Manager.Start]. With Config.Header, which
// other sites cannot send, the token is empty.
func (s *Session) CSRFToken() (string, error) {
	if s == nil {
		return "", ErrNoSession
	}
	token, madeCookie, err := s.csrfToken()
	if madeCookie {
		s.m.watchCookie(s.context(), s, ID{})
	}
	return token, err
}

// csrfToken tells as well whether it has made a cookie, which is due.
func (s *Session) csrfToken() (text string, madeCookie bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	if s.m.cfg.Header != "" {
		return "", false, nil
	}
	if s.formSecret == nil {
		if found := s.formCookies(); found.n > 0 {
			s.formSecret = &found.secrets[0]
		}
	}
	if s.formSecret == nil {
		switch {
		case s.headersSent:
			return "", false, ErrHeadersSent
		case !s.sends:
			return "", false, errors.New("session: a CSRF token takes Manager.Handler or Start, which can set its cookie")
		}
		secret := sid.NewSecret()
		s.formSecret, s.formDue, madeCookie = &secret, true, true
		if s.header != nil {
			s.sendFormCookieLocked(*s.header)
		}
	}
	var raw [maskedForm]byte
	rand.Read(raw[:formToken])
	token := s.formTokenLocked(s.formSecret)
	subtle.XORBytes(raw[formToken:], token[:], raw[:formToken])
	return base64.RawURLEncoding.EncodeToString(raw[:]), madeCookie, nil
}

// VerifyCSRF tells in constant time whether a token is one that CSRFToken gave to
// this client, and to this sign-in. With Config.Header it is true.
func (s *Session) VerifyCSRF(token string) bool {
	return s != nil && s.checkCSRF(token) == nil
}

// checkCSRF returns why a token is not good. Of several cookies, of which a
// neighbour may have planted some, it tries each.
func (s *Session) checkCSRF(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	if s.m.cfg.Header != "" {
		return nil
	}
	found := s.formCookies()
	if err := found.missing(); err != nil {
		return err
	}
	if token == "" {
		return errNoToken
	}
	if len(token) != base64.RawURLEncoding.EncodedLen(maskedForm) {
		return errForgedToken
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != maskedForm { // it skips line breaks
		return errForgedToken
	}
	got := raw[formToken:]
	subtle.XORBytes(got, got, raw[:formToken])
	client, good := 0, 0
	for i := range found.n {
		want := s.formTokenLocked(&found.secrets[i])
		client |= subtle.ConstantTimeCompare(got[:clientCode], want[:clientCode])
		good |= subtle.ConstantTimeCompare(got, want[:])
	}
	switch {
	case good == 1:
		return nil
	case client == 1:
		return errOldToken
	default:
		return errForgedToken
	}
}

// formTokenLocked returns the token before it is masked.
func (s *Session) formTokenLocked(secret *sid.Secret) (token [formToken]byte) {
	code := func(purpose string, more []byte) []byte {
		mac := hmac.New(sha256.New, secret[:])
		mac.Write([]byte(purpose + "\x00" + s.m.cfg.realm() + "\x00"))
		mac.Write(more)
		return mac.Sum(nil)
	}
	copy(token[:clientCode], code("session csrf client", nil))
	base := formKey(secret)
	if meta := s.draft.Meta(); meta.Secret != (sid.Hash{}) {
		base = meta.FormBase()
	}
	copy(token[clientCode:], code("session csrf", base))
	return token
}

// formKey returns what stands in the place of formBase for a client without a
// session. A session that begins while the client has the cookie takes it over, so
// that forms which were shown before stay good; one that has a secret of its own
// is not fooled by a cookie that was planted later.
func formKey(secret *sid.Secret) []byte {
	sum := sha256.Sum256(append([]byte("session form cookie\x00"), secret[:]...))
	return sum[:]
}

// firstFormKey returns the formKey for a session that is stored for the first
// time, and nil where the client has no cookie, or several.
func (s *Session) firstFormKey() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m.cfg.Header != "" {
		return nil
	}
	switch found := s.formCookies(); {
	case found.n == 1:
		return formKey(&found.secrets[0])
	case found.n == 0 && s.formSecret != nil: // of this very response
		return formKey(s.formSecret)
	default:
		return nil
	}
}
