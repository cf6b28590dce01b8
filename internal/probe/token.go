package probe

import (
	"encoding/base64"
	"testing"

	"github.com/b4468f51/session/internal/sid"
)

// TokenLen is how many bytes a token has.
const TokenLen = sid.Len

// Token returns the token of an ID and a secret.
func Token(id [16]byte, secret [32]byte) string { return sid.Token{ID: id, Secret: secret}.Reveal() }

// RawToken decodes a token into its ID and its secret.
func RawToken(t testing.TB, text string) (id [16]byte, secret [32]byte) {
	t.Helper()
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != 48 {
		t.Fatalf("the token %q: %d bytes, %v", text, len(raw), err)
	}
	return [16]byte(raw[:16]), [32]byte(raw[16:])
}

// ForgedToken returns a token that is well formed, and of no session.
func ForgedToken() string { return Token(sid.NewID(), sid.NewSecret()) }

// Envelope returns the data of a record: what follows the magic that each begins
// with, the format first.
func Envelope(rest string) []byte { return []byte("\xc1\xf5\xfe" + rest) }
