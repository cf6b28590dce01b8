package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/b4468f51/session/internal/sid"
)

// A CSRF token proves that a form was shown by this site, to this client. It
// is made of two secrets: that of a cookie of its own, which is all that an
// anonymous visitor has, and costs no row; and once somebody is signed in that
// of the session too, so that the token is new with each Login and Renew, and
// good for no other session. A store alone gives away none of them.

const (
	csrfField  = "csrf_token"   // of forms
	csrfHeader = "X-Csrf-Token" // of requests by scripts
	csrfSuffix = "-csrf"        // of the cookie's name, after that of the session
)

// CSRFToken returns a token for a form of this response, or for a script to
// send in the header X-CSRF-Token. Each call returns another, so that none can
// be guessed from compressed responses (BREACH); all are good until the next
// Login, Renew or Reauthenticate, for as long as the browser runs. It sets a
// cookie where the client has none yet, but creates no session.
//
// It returns [ErrHeadersSent] where that cookie cannot be sent any more, and an
// error without [Manager.Handler] or [Manager.Start]. With Config.Header, which
// other sites cannot send, the token is empty.
func (s *Session) CSRFToken() (string, error) {
	if s == nil {
		return "", ErrNoSession
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	if s.m.cfg.Header != "" {
		return "", nil
	}
	if s.formSecret == nil {
		s.formSecret = s.presentedFormSecret()
	}
	if s.formSecret == nil {
		switch {
		case s.headersSent:
			return "", ErrHeadersSent
		case !s.sends:
			return "", errors.New("session: a CSRF token takes Manager.Handler or Start, which can set its cookie")
		}
		secret := sid.NewSecret()
		s.formSecret, s.formDue = &secret, true
		if s.header != nil {
			s.sendFormCookieLocked(s.header)
		}
	}
	mask, token := sid.NewSecret(), s.formTokenLocked(s.formSecret)
	subtle.XORBytes(token[:], token[:], mask[:])
	return base64.RawURLEncoding.EncodeToString(append(mask[:], token[:]...)), nil
}

// VerifyCSRF tells in constant time whether a token is one that CSRFToken gave to
// this client, and to this sign-in. With Config.Header it is true.
func (s *Session) VerifyCSRF(token string) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	if s.m.cfg.Header != "" {
		return true
	}
	secret := s.presentedFormSecret()
	if secret == nil || base64.RawURLEncoding.DecodedLen(len(token)) != 2*sha256.Size {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 2*sha256.Size {
		return false
	}
	mask, got := raw[:sha256.Size], raw[sha256.Size:]
	subtle.XORBytes(got, got, mask)
	want := s.formTokenLocked(secret)
	return subtle.ConstantTimeCompare(got, want[:]) == 1
}

// formTokenLocked returns the token before it is masked.
func (s *Session) formTokenLocked(secret *sid.Secret) (token [sha256.Size]byte) {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte("session csrf\x00" + s.m.cfg.realm() + "\x00"))
	if s.draft.subject() != "" {
		mac.Write(s.draft.meta().formBase())
	}
	mac.Sum(token[:0])
	return token
}

// formBase returns what CSRF tokens owe to the session: it changes with the
// secret, but for a rotation.
func (m *meta) formBase() []byte {
	if key := m.inTail(tagFormKey); key != nil {
		return key
	}
	sum := sha256.Sum256(append([]byte("session form\x00"), m.secret[:]...))
	return sum[:]
}

// presentedFormSecret returns what is in the cookie of the request, and nil
// where there is none, or several: then one may be planted.
func (s *Session) presentedFormSecret() *sid.Secret {
	if s.request == nil {
		return nil
	}
	cookie := s.m.cfg.formCookie()
	found, different, total := cookie.read(s.request.Header)
	if different != 1 || total > maxCandidates {
		return nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(found[0])
	if err != nil || len(raw) != sid.SecretSize {
		return nil
	}
	secret := sid.Secret(raw)
	return &secret
}

func (s *Session) sendFormCookieLocked(h http.Header) {
	if !s.formDue {
		return
	}
	s.formDue = false
	c := s.m.cfg.formCookie()
	text := base64.RawURLEncoding.EncodeToString(s.formSecret[:])
	c.write(h, c.cookie(text, false, 0).String())
	forbidStore(h)
}

// formCookie returns the cookie of CSRF tokens, which has the attributes of the
// session's, and ends with the browser.
func (c *Config) formCookie() Cookie {
	ck := c.Cookie
	ck.Name += csrfSuffix
	return ck
}

// CSRFField returns a hidden form field with a CSRF token, for templates: as a
// function of theirs, or as a part of their data. Have the template write to a
// buffer, since the cookie has to leave before the page. Errors are those of
// [Session.CSRFToken].
func CSRFField(r *http.Request) (template.HTML, error) {
	token, err := FromContext(r.Context()).CSRFToken()
	if err != nil {
		return "", err
	}
	return template.HTML(`<input type="hidden" name="` + csrfField + `" value="` + token + `">`), nil
}

// RequireCSRF is a middleware for alice, to stand after [Manager.Handler], that
// lets requests which may change something pass only with a good CSRF token, in
// the form field csrf_token or the header X-CSRF-Token. GET, HEAD, OPTIONS and
// TRACE pass without; a token in the URL counts for nothing. Others are
// Config.ErrorHandler's to answer, with [ErrCSRF], which where the form cannot be
// read wraps the reason too, such as an [http.MaxBytesError].
//
// [http.CrossOriginProtection] does the same in today's browsers without a
// token, and should stand before it in any case. The body of a form is
// parsed here: limit its size before.
func RequireCSRF(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
			next.ServeHTTP(w, r)
			return
		}
		s := FromContext(r.Context())
		if s == nil { // a mistake in the wiring must not let anybody pass
			notWrapped(w, r)
			return
		}
		token, err := presentedCSRF(r)
		if s.VerifyCSRF(token) {
			next.ServeHTTP(w, r)
			return
		}
		if err == nil {
			err = ErrCSRF
			s.m.report(r.Context(), view(s, func(d *draft) Event {
				return Event{Kind: EventForged, ID: d.rec.id, Subject: d.rec.subject}
			}))
		}
		s.m.answer(w, r, err)
	})
}

// presentedCSRF finds the token in a request. Where its form cannot be read, the
// error says why, and is an ErrCSRF too.
func presentedCSRF(r *http.Request) (string, error) {
	if token := r.Header.Get(csrfHeader); token != "" {
		return token, nil
	}
	err := r.ParseForm()
	if err == nil {
		err = r.ParseMultipartForm(maxFormMemory)
	}
	if err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return "", fmt.Errorf("%w: %w", ErrCSRF, err)
	}
	return r.PostFormValue(csrfField), nil
}

// maxFormMemory is what of a form's files is kept in memory, in bytes, as
// [http.Request.FormValue] does.
const maxFormMemory = 32 << 20

// notWrapped answers for a middleware that finds no session.
func notWrapped(w http.ResponseWriter, r *http.Request) {
	slog.ErrorContext(r.Context(), "session: a middleware stands where there is no session", "error", ErrNoSession)
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}
