package csrf

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"

	"github.com/b4468f51/session"
)

// A token is the two codes of a [session.Binding], behind a mask. The code of the client
// is the same for as long as the client has the cookie that it is made of. The code of the
// sign-in is new with each Login, Renew and Reauthenticate, and good for no other session.
// A token with a good first and a bad second code is of an old form.

const (
	purpose = "csrf" // of the bindings

	clientSize = 16                       // bytes of the first code, which protects nothing
	codesSize  = clientSize + sha256.Size // bytes of both
	maskedSize = 2 * codesSize            // bytes of the mask, and of both behind it
)

// Token returns a token for a form of this response, or for a script to send in the
// header X-CSRF-Token. Each call returns another, so that none can be guessed from
// compressed responses (BREACH). All are good until the next Login, Renew or
// Reauthenticate, for as long as the client keeps the cookie: until the browser ends, or
// for as long as a persistent session. Token sets that cookie where the client has none
// yet, as [session.Session.Binding] does, but creates no session.
//
// A form that another site posts comes without the cookie. A page that answers it with a
// token gets a new one, and every form that the client has open is refused as
// [ErrRefused]: redirect to the page instead.
//
// Errors are those of [session.Session.Binding]: [session.ErrHeadersSent] where the cookie
// cannot be sent any more, and one for a session that can send none. With Config.Header,
// which other sites cannot send, the token is empty.
func Token(s *session.Session) (string, error) {
	if needless(s) {
		return "", nil
	}
	b, err := s.Binding(purpose)
	if err != nil {
		return "", err
	}
	var raw [maskedSize]byte
	mask, codes := raw[:codesSize], codesOf(b)
	rand.Read(mask)
	subtle.XORBytes(raw[codesSize:], codes[:], mask)
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// Verify returns nil for a token that Token gave to this client, in this sign-in, and an
// [ErrRefused] that says why for any other. It compares in constant time. With
// Config.Header every token is good, and without a session none is.
func Verify(s *session.Session, token string) error {
	if s == nil {
		return session.ErrNoSession
	}
	if needless(s) {
		return nil
	}
	bindings, err := s.Bindings(purpose)
	switch {
	case errors.Is(err, session.ErrSeveralCookies):
		return errSeveralCookies
	case err != nil:
		return errForeignCookie
	case len(bindings) == 0:
		return errNoCookie
	case token == "":
		return errNoToken
	}
	got, ok := unmask(token)
	if !ok {
		return errForged
	}
	client, good := 0, 0
	for _, b := range bindings { // a neighbour may have planted some: each is tried
		want := codesOf(b)
		client |= subtle.ConstantTimeCompare(got[:clientSize], want[:clientSize])
		good |= subtle.ConstantTimeCompare(got, want[:])
	}
	switch {
	case good == 1:
		return nil
	case client == 1:
		return errOld
	default:
		return errForged
	}
}

// needless tells whether the session's token is in a header, which no other site can send.
func needless(s *session.Session) bool { return s != nil && s.Manager().Config().Header != "" }

func codesOf(b session.Binding) (codes [codesSize]byte) {
	copy(codes[:clientSize], b.Client)
	copy(codes[clientSize:], b.SignIn)
	return codes
}

// unmask returns the codes of a token. It is false if the token has not the form of one.
func unmask(token string) (codes []byte, ok bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(maskedSize) {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != maskedSize { // it skips line breaks
		return nil, false
	}
	codes = raw[codesSize:]
	subtle.XORBytes(codes, codes, raw[:codesSize])
	return codes, true
}
