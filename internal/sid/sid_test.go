package sid

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
)

func newToken() Token { return Token{ID: NewID(), Secret: NewSecret()} }

func ExampleToken() {
	t := Token{ID: NewID(), Secret: NewSecret()}
	text := t.Reveal()
	back, ok := Parse(text)
	fmt.Println(len(text), ok, back == t)
	fmt.Println(t)
	// Output:
	// 64 true true
	// REDACTED
}

func TestParseRefuses(t *testing.T) {
	good := newToken().Reveal()
	for name, text := range map[string]string{
		"empty":         "",
		"one byte":      "A",
		"short":         good[:63],
		"long":          good + "A",
		"very long":     strings.Repeat("A", 100_000),
		"padded":        good[:62] + "==",
		"line break":    good[:32] + "\n" + good[33:],
		"return":        good[:63] + "\r",
		"NUL":           good[:63] + "\x00",
		"other base64":  strings.Repeat("+", 64),
		"other base64/": strings.Repeat("/", 64),
		"quoted":        `"` + good[:62] + `"`,
		"path":          strings.Repeat("../.", 16),
		"UTF-8":         strings.Repeat("é", 32),
	} {
		if _, ok := Parse(text); ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSecurity_ID1_SecretsAreUniform(t *testing.T) {
	const n = 20_000
	seen := make(map[Secret]bool, n)
	var ones [SecretSize * 8]int
	for range n {
		s := NewSecret()
		if seen[s] {
			t.Fatal("a secret was made twice")
		}
		seen[s] = true
		for i := range ones {
			ones[i] += int(s[i/8] >> (i % 8) & 1)
		}
	}
	sigma := math.Sqrt(n) / 2
	for i, k := range ones {
		if math.Abs(float64(k)-n/2) > 6*sigma {
			t.Errorf("bit %d is set in %d of %d secrets", i, k, n)
		}
	}
}

func TestHashIsRealmNULSecret(t *testing.T) {
	s := NewSecret()
	for _, realm := range []string{"", "id", strings.Repeat("r", MaxRealm)} {
		want := sha256.Sum256(append([]byte(realm+"\x00"), s[:]...))
		got := s.Hash(realm)
		if got != want {
			t.Errorf("realm %q: hash differs from SHA-256(realm | 0 | secret)", realm)
		}
		if !got.Verify(want) {
			t.Error("a hash does not verify against itself")
		}
	}
	if s.Hash("a").Verify(s.Hash("b")) {
		t.Error("one secret has the same hash in two realms")
	}
}

func TestNothingShowsASecret(t *testing.T) {
	tok := newToken()
	hash := tok.Secret.Hash("id")
	var out bytes.Buffer
	for _, v := range []any{tok, &tok, tok.Secret, &tok.Secret, hash, struct{ T Token }{tok}, []Token{tok}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		if v == any(hash) {
			continue // it has no text form, and JSON shows no more than a store does
		}
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	for name, raw := range map[string][]byte{"secret": tok.Secret[:], "hash": hash[:]} {
		for _, form := range []string{
			string(raw), fmt.Sprintf("%x", raw), fmt.Sprintf("%X", raw), fmt.Sprintf("%d", raw),
			strings.Trim(fmt.Sprintf("%d", raw), "[]"),
			base64.RawURLEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw),
		} {
			if strings.Contains(out.String(), form) {
				t.Errorf("the %s was shown: %q", name, form)
			}
		}
	}
	if strings.Contains(out.String(), tok.Reveal()) {
		t.Error("the token was shown")
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	text := newToken().Reveal()
	if n := testing.AllocsPerRun(100, func() {
		tok, ok := Parse(text)
		if !ok || tok.Secret.Hash("__Host-id") == (Hash{}) {
			t.Fatal("not parsed")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("")
	f.Add(strings.Repeat("A", 64))
	f.Add(strings.Repeat("A", 63) + "\n")
	f.Add(newToken().Reveal())
	f.Fuzz(func(t *testing.T, text string) {
		tok, ok := Parse(text)
		if ok && tok.Reveal() != text {
			t.Errorf("%q has a second spelling, %q", text, tok.Reveal())
		}
		if !ok && tok != (Token{}) {
			t.Error("a refused token holds something")
		}
	})
}

func BenchmarkParseAndHash(b *testing.B) {
	text := newToken().Reveal()
	for b.Loop() {
		tok, _ := Parse(text)
		tok.Secret.Hash("__Host-id")
	}
}
