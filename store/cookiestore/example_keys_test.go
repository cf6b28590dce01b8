package cookiestore_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/b4468f51/session/store/cookiestore"
)

// newText returns a new key as text, as this command does:
//
//	openssl rand -base64 32
func newText() string {
	b := make([]byte, cookiestore.KeySize)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

// A deployment puts the keys into the environment: here two, because one replaces the
// other. The first one seals.
func ExampleKeysFromEnv() {
	os.Setenv("SESSION_KEYS", newText()+","+newText())
	defer os.Unsetenv("SESSION_KEYS")

	keys, err := cookiestore.KeysFromEnv("SESSION_KEYS")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := cookiestore.New(keys...); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(keys), "keys:", keys) // they do not show themselves
	// Output: 2 keys: [REDACTED REDACTED]
}

// A secret mounted as a file has one key a line.
func ExampleReadKeys() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "session-keys")
	text := "# of this year\n" + newText() + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}

	keys, err := cookiestore.ReadKeys(file)
	fmt.Println(len(keys), "key", err)
	// Output: 1 key <nil>
}

// ParseKey is for a key that comes from elsewhere, such as a vault. It refuses what is
// no random key.
func ExampleParseKey() {
	_, err := cookiestore.ParseKey(newText())
	fmt.Println(err)
	_, err = cookiestore.ParseKey("correct horse battery staple")
	fmt.Println(err != nil)
	// Output:
	// <nil>
	// true
}
