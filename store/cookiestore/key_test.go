package cookiestore

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecurity_EN6_WeakKeysAreRefused(t *testing.T) {
	counting := make([]byte, KeySize)
	for i := range counting {
		counting[i] = byte(i * 3)
	}
	good := GenerateKey()
	random := good.master()[:]
	for name, raw := range map[string][]byte{
		"empty": {}, "short": random[:31], "long": append(bytes.Clone(random), 1), "16 bytes": random[:16],
		"zero": make([]byte, KeySize), "one byte": bytes.Repeat([]byte{0xa7}, KeySize), "few": bytes.Repeat(random[:8], 4),
		"counting": counting, "text": []byte("correct horse battery staple, ok"), "hex": []byte("0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
	} {
		for _, text := range []string{
			base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw), hex.EncodeToString(raw), string(raw),
		} {
			_, err := ParseKey(text)
			if err == nil {
				t.Errorf("%s: %q is accepted", name, text)
			} else if len(text) > 8 && strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error shows the key: %v", name, err)
			}
		}
	}
	for _, text := range []string{
		base64.StdEncoding.EncodeToString(random), base64.RawStdEncoding.EncodeToString(random),
		base64.URLEncoding.EncodeToString(random), base64.RawURLEncoding.EncodeToString(random),
		hex.EncodeToString(random), strings.ToUpper(hex.EncodeToString(random)),
	} {
		k, err := ParseKey(text)
		if err != nil || !bytes.Equal(k.master()[:], random) {
			t.Errorf("%q: %v", text, err)
		}
	}
	key := GenerateKey()
	for name, keys := range map[string][]Key{"none": nil, "zero": {key, {}}, "twice": {key, GenerateKey(), key}} {
		if _, err := New(keys...); err == nil {
			t.Errorf("New with %s is accepted", name)
		}
	}
}

func TestKeysFromFileAndEnvironment(t *testing.T) {
	a, b := GenerateKey(), GenerateKey()
	text := func(k Key) string { return base64.StdEncoding.EncodeToString(k.master()[:]) }
	file := filepath.Join(t.TempDir(), "keys")
	read := func(content string) ([]Key, error) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return ReadKeys(file)
	}
	if keys, err := read("# new\n" + text(a) + "\r\n\n  " + text(b)); err != nil || len(keys) != 2 || keys[0].id != a.id || keys[1].id != b.id {
		t.Errorf("a file: %v, %v", keys, err)
	}
	for name, content := range map[string]string{"empty": "", "comment": "# none\n", "bad": text(a) + "\nsecret\n", "large": strings.Repeat("\n", maxKeyFile+1)} {
		if keys, err := read(content); err == nil || strings.Contains(err.Error(), text(a)) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
	}
	if _, err := ReadKeys(file + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	const name = "COOKIESTORE_TEST_KEYS"
	for content, want := range map[string]int{text(a) + "," + text(b): 2, text(a) + "\n" + text(b) + "\n": 2, text(a): 1, "": 0, text(a) + " x": 0} {
		t.Setenv(name, content)
		keys, err := KeysFromEnv(name)
		if len(keys) != want || (err == nil) != (want > 0) || want > 0 && keys[0].id != a.id {
			t.Errorf("%q: %v, %v", content, keys, err)
		}
	}
}
