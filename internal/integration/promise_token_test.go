package integration

import (
	"crypto/rand"
	"encoding/base64"
	"testing"

	"github.com/b4468f51/session/store"
)

// What a client holds, as it is documented: 16 bytes of ID and 32 of secret,
// in 64 characters of base64url. Tests take tokens apart by themselves, so that
// a change of the form is noticed.
const (
	idSize     = 16
	secretSize = 32
	tokenSize  = 64
)

func cutToken(t *testing.T, token string) (id store.ID, secret []byte) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != idSize+secretSize || len(token) != tokenSize {
		t.Errorf("%q is no token: %v", token, err)
		return id, nil
	}
	return store.ID(raw[:idSize]), raw[idSize:]
}

// idOf returns the public part of a token.
func idOf(t *testing.T, token string) store.ID {
	t.Helper()
	id, _ := cutToken(t, token)
	return id
}

func makeToken(id store.ID, secret []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(id[:], secret...))
}

func newID() (id store.ID) {
	rand.Read(id[:])
	return id
}

func newSecret() []byte {
	secret := make([]byte, secretSize)
	rand.Read(secret)
	return secret
}
