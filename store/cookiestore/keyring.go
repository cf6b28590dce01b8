package cookiestore

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/b4468f51/session/store"
)

// The layout of a token, before base64url.
const (
	version    = 1
	idSize     = 4
	saltSize   = 16
	commitSize = 32
	nonceSize  = 12
	tagSize    = 16

	saltAt   = 1 + idSize
	commitAt = saltAt + saltSize
	nonceAt  = commitAt + commitSize
	overhead = nonceAt + nonceSize + tagSize
)

// maxToken bounds what Open looks at: no browser keeps a larger cookie.
const maxToken = 4096

// maxSubject is the longest subject that the contract of stores has.
const maxSubject = 512

// errToken is the one error for all that can be wrong with a token: who tries
// tokens is to learn nothing from it.
var errToken = fmt.Errorf("cookiestore: no token of these keys: %w", store.ErrNotFound)

// A Keyring seals records with its first key and opens them with any. It is a
// [session.Sealer], and may be used by several goroutines at once.
//
// [session.Sealer]: https://pkg.go.dev/github.com/b4468f51/session#Sealer
type Keyring struct {
	first Key
	byID  map[[idSize]byte]Key
}

// New returns a ring of keys, of which the first seals. It refuses none at all,
// a zero Key, and the same key twice.
func New(keys ...Key) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("cookiestore: New without a key")
	}
	k := &Keyring{first: keys[0], byID: make(map[[idSize]byte]Key, len(keys))}
	for i, key := range keys {
		if key.master == nil {
			return nil, fmt.Errorf("cookiestore: key %d is the zero Key: use ParseKey, ReadKeys or KeysFromEnv", i+1)
		}
		if _, taken := k.byID[key.id]; taken {
			return nil, fmt.Errorf("cookiestore: key %d is there twice, or has the ID of another: replace it", i+1)
		}
		k.byID[key.id] = key
	}
	return k, nil
}

// Seal returns a token that holds all of a record but its Version. Whether it
// fits a cookie is the caller's to see. See the example of [Keyring.Open].
func (k *Keyring) Seal(_ context.Context, scope string, rec store.Record) (string, error) {
	if len(rec.Subject) > maxSubject {
		return "", fmt.Errorf("cookiestore: a subject of %d bytes: the limit is %d", len(rec.Subject), maxSubject)
	}
	raw := make([]byte, nonceAt, overhead+recordSize(rec))
	raw[0] = version
	copy(raw[1:], k.first.id[:])
	rand.Read(raw[saltAt:commitAt])
	aead, commitment := k.first.derive(raw[saltAt:commitAt], scope)
	copy(raw[commitAt:], commitment)
	raw = aead.Seal(raw, nil, appendRecord(nil, rec), raw[:nonceAt])
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// Open returns the record of a token that Seal made for the same scope, without
// its Version, and whether it should be sealed again, because another key is the
// first by now. Whatever is wrong with a token, it returns one and the same
// error, which wraps [store.ErrNotFound].
func (k *Keyring) Open(_ context.Context, scope, token string) (rec store.Record, reseal bool, err error) {
	plaintext, id, ok := k.unseal(scope, token)
	if !ok {
		return store.Record{}, false, errToken
	}
	if rec, ok = parseRecord(plaintext); !ok {
		return store.Record{}, false, errToken
	}
	return rec, id != k.first.id, nil
}

// unseal returns what was sealed into a token, and the ID of the key.
func (k *Keyring) unseal(scope, token string) (plaintext []byte, id [idSize]byte, ok bool) {
	if len(token) > maxToken {
		return nil, id, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	// The decoder skips line breaks: then it yields less than the whole.
	if err != nil || len(raw) != base64.RawURLEncoding.DecodedLen(len(token)) || len(raw) < overhead || raw[0] != version {
		return nil, id, false
	}
	id = [idSize]byte(raw[1:saltAt])
	key, ok := k.byID[id]
	if !ok {
		return nil, id, false
	}
	aead, commitment := key.derive(raw[saltAt:commitAt], scope)
	if subtle.ConstantTimeCompare(commitment, raw[commitAt:nonceAt]) != 1 {
		return nil, id, false
	}
	plaintext, err = aead.Open(nil, nil, raw[nonceAt:], raw[:nonceAt])
	return plaintext, id, err == nil
}

// derive returns the cipher of one token, and what commits to its key.
func (k Key) derive(salt []byte, scope string) (cipher.AEAD, []byte) {
	block, commitment := k.block(salt, scope)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // of another cipher than AES alone
	}
	return aead, commitment
}

func (k Key) block(salt []byte, scope string) (cipher.Block, []byte) {
	okm, err := hkdf.Key(sha256.New, k.master()[:], salt, "session/v1\x00"+scope, KeySize+commitSize)
	if err != nil {
		panic(err) // of a length out of range alone
	}
	block, err := aes.NewCipher(okm[:KeySize])
	if err != nil {
		panic(err) // of another size of key alone
	}
	return block, okm[KeySize:]
}

// Format writes REDACTED, whatever the verb.
func (k *Keyring) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns REDACTED, for encoding/json and slog.
func (k *Keyring) MarshalText() ([]byte, error) { return []byte(redacted), nil }
