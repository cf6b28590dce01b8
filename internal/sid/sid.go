// Package sid makes and reads session tokens.
//
// A token is what the client holds: 16 random bytes, the public ID, and 32
// random bytes, the secret, written together as 64 characters of base64url.
// The server keeps only a hash of the secret.
package sid

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
)

// Sizes, in bytes, but for Len, which is in characters.
const (
	IDSize     = 16
	SecretSize = 32
	HashSize   = sha256.Size
	Len        = (IDSize + SecretSize) / 3 * 4
)

// MaxRealm is the longest realm, in bytes, that Secret.Hash takes.
const MaxRealm = 128

// A Token is an ID with its secret. Neither it nor its Secret shows itself to
// fmt, slog or encoding/json: [Token.Reveal] is the one way out.
type Token struct {
	ID     [IDSize]byte
	Secret Secret
}

// A Secret is the part of a token that must not be known to others.
type Secret [SecretSize]byte

// A Hash is what a server keeps of a secret.
type Hash [HashSize]byte

// NewID returns 16 random bytes.
func NewID() (id [IDSize]byte) {
	rand.Read(id[:]) // never fails: since Go 1.24 it ends the program instead
	return id
}

// NewSecret returns 32 random bytes.
func NewSecret() (s Secret) {
	rand.Read(s[:])
	return s
}

// strict refuses a second spelling, of the bits that are left over.
var strict = base64.RawURLEncoding.Strict()

// Parse reads a token, which has exactly one spelling. It does not allocate,
// and does no more work for a long text than for a short one.
func Parse(text string) (Token, bool) {
	if len(text) != Len {
		return Token{}, false
	}
	var src [Len]byte
	copy(src[:], text)
	var raw [IDSize + SecretSize]byte
	// The decoder skips line breaks: then it yields less than the whole.
	n, err := strict.Decode(raw[:], src[:])
	if err != nil || n != len(raw) {
		return Token{}, false
	}
	return Token{ID: [IDSize]byte(raw[:IDSize]), Secret: Secret(raw[IDSize:])}, true
}

// Reveal returns the token as the client is to hold it.
func (t Token) Reveal() string {
	var raw [IDSize + SecretSize]byte
	copy(raw[:], t.ID[:])
	copy(raw[IDSize:], t.Secret[:])
	var text [Len]byte
	base64.RawURLEncoding.Encode(text[:], raw[:])
	return string(text[:])
}

// Hash returns SHA-256(realm | 0 | secret). The realm keeps the secrets of two
// managers on one store apart. It must be at most MaxRealm bytes long and
// hold no NUL.
func (s Secret) Hash(realm string) Hash {
	var buf [MaxRealm + 1 + SecretSize]byte
	n := copy(buf[:MaxRealm], realm)
	n++ // the NUL
	n += copy(buf[n:], s[:])
	return sha256.Sum256(buf[:n])
}

// Verify tells in constant time whether two hashes are the same.
func (h Hash) Verify(other Hash) bool {
	return subtle.ConstantTimeCompare(h[:], other[:]) == 1
}

const redacted = "REDACTED"

// Format writes REDACTED, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns REDACTED, for encoding/json and slog.
func (t Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format writes REDACTED, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns REDACTED, for encoding/json and slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format writes REDACTED, whatever the verb: a hash opens no door, but nobody
// needs to see it either.
func (h Hash) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }
