package cookiestore

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// KeySize is the size of a key, in bytes.
const KeySize = 32

// A Key is one master key of a [Keyring]. It shows itself to no fmt verb, slog
// handler or JSON encoder. Its zero value is no key.
type Key struct {
	id     [idSize]byte
	master func() *[KeySize]byte // a function: fmt shows what is in a struct of the program's, and follows pointers too
}

// GenerateKey returns a new random key, for tests and for programs whose
// sessions need not outlive them. Every machine, and every start, needs the same
// keys: keep those in a file or the environment.
func GenerateKey() Key {
	var master [KeySize]byte
	rand.Read(master[:]) // never fails: since Go 1.24 it ends the program instead
	return keyOf(master)
}

// ParseKey reads a key: 32 bytes in hex or in base64 of either alphabet, padded
// or not. It refuses what no random generator makes: all zero, counting,
// few different bytes, or text. Its errors do not show what it was given.
func ParseKey(text string) (Key, error) {
	raw, ok := decodeKey(text)
	if !ok || len(raw) != KeySize {
		return Key{}, fmt.Errorf("cookiestore: a key of %d characters: it must be %d random bytes in base64 or hex, as from openssl rand -base64 %d",
			len(text), KeySize, KeySize)
	}
	master := [KeySize]byte(raw)
	if weak(master) {
		return Key{}, errWeak
	}
	return keyOf(master), nil
}

var errWeak = errors.New("cookiestore: the key is not random: make one by openssl rand -base64 32, and use no passphrase")

func decodeKey(text string) ([]byte, bool) {
	if len(text) == 2*KeySize {
		raw, err := hex.DecodeString(text)
		return raw, err == nil
	}
	text = strings.TrimRight(text, "=")
	if len(text) != base64.RawStdEncoding.EncodedLen(KeySize) || strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	raw, err := base64.RawStdEncoding.Strict().DecodeString(text)
	return raw, err == nil
}

// weak tells whether bytes cannot be random, or by a chance of less than one in
// 10^12 only.
func weak(b [KeySize]byte) bool {
	const fewest = 16 // different bytes: random keys have about 30
	var seen [256]bool
	distinct, printable, counting := 0, true, true
	for i, c := range b {
		if !seen[c] {
			seen[c] = true
			distinct++
		}
		printable = printable && (c >= ' ' && c <= '~' || c == '\n' || c == '\r' || c == '\t')
		counting = counting && (i == 0 || c-b[i-1] == b[1]-b[0])
	}
	return distinct < fewest || printable || counting
}

// keyOf derives the key's ID from it, so that there is no ID to administer. It
// tells nothing of the key.
func keyOf(master [KeySize]byte) Key {
	id, err := hkdf.Key(sha256.New, master[:], nil, "session/v1 key id", idSize)
	if err != nil {
		panic(err) // of a length out of range alone
	}
	return Key{id: [idSize]byte(id), master: func() *[KeySize]byte { return &master }}
}

// maxKeyFile bounds what ReadKeys reads.
const maxKeyFile = 64 << 10

// ReadKeys reads keys from a file, one a line, the one that seals first. Empty
// lines and those that begin with # are left out. The file should be readable
// by the program alone.
func ReadKeys(file string) ([]Key, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("cookiestore: read keys: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("cookiestore: read keys: %w", err)
	}
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("cookiestore: read keys: %s is no file of keys: it has more than %d bytes", file, maxKeyFile)
	}
	var keys []Key
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		k, err := ParseKey(string(line))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("cookiestore: no key in %s", file)
	}
	return keys, nil
}

// KeysFromEnv reads keys from an environment variable, separated by commas or
// white space, the one that seals first.
func KeysFromEnv(name string) ([]Key, error) {
	fields := strings.FieldsFunc(os.Getenv(name), func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	if len(fields) == 0 {
		return nil, fmt.Errorf("cookiestore: no key in the environment variable %s", name)
	}
	keys := make([]Key, 0, len(fields))
	for i, field := range fields {
		k, err := ParseKey(field)
		if err != nil {
			return nil, fmt.Errorf("environment variable %s, key %d: %w", name, i+1, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

const redacted = "REDACTED"

// Format writes REDACTED, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns REDACTED, for encoding/json and slog.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
