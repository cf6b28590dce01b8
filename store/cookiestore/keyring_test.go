package cookiestore

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

const scope = "session\x00__Host-id\x00app"

func newRing(t testing.TB, keys ...Key) *Keyring {
	t.Helper()
	if len(keys) == 0 {
		keys = []Key{GenerateKey()}
	}
	k, err := New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newRecord() store.Record {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return store.Record{
		ID: store.ID{1, 2, 3}, Subject: "app:u", Created: now, Seen: now.Add(time.Second),
		Expires: now.Add(time.Hour), Deadline: now.Add(24 * time.Hour), Data: []byte("a secret of the application"),
	}
}

func seal(t testing.TB, k *Keyring, scope string, rec store.Record) string {
	t.Helper()
	token, err := k.Seal(t.Context(), scope, rec)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// refuses checks that a token is met with the one error.
func refuses(t *testing.T, k *Keyring, scope, token, what string) {
	t.Helper()
	rec, reseal, err := k.Open(t.Context(), scope, token)
	if err != errToken || !rec.ID.IsZero() || rec.Data != nil || reseal {
		t.Errorf("%s: got %v, %v and the error %v", what, rec, reseal, err)
	}
}

func equalRecords(a, b store.Record) bool {
	return a.ID == b.ID && a.Subject == b.Subject && a.Created.Equal(b.Created) && a.Seen.Equal(b.Seen) &&
		a.Expires.Equal(b.Expires) && a.Deadline.Equal(b.Deadline) && bytes.Equal(a.Data, b.Data)
}

func TestWhatIsSealedOpens(t *testing.T) {
	k := newRing(t)
	anonymous := newRecord()
	anonymous.Subject, anonymous.Data = "", nil
	for _, rec := range []store.Record{newRecord(), anonymous} {
		got, reseal, err := k.Open(t.Context(), scope, seal(t, k, scope, rec))
		if err != nil || reseal || !equalRecords(got, rec) {
			t.Errorf("got %+v, %v, %v; want %+v", got, reseal, err, rec)
		}
	}
	long := newRecord()
	long.Subject = strings.Repeat("s", maxSubject+1)
	if _, err := k.Seal(t.Context(), scope, long); err == nil {
		t.Error("a subject that is too long is sealed")
	}
	if !errors.Is(errToken, store.ErrNotFound) {
		t.Error("the error does not wrap store.ErrNotFound")
	}
}

func TestSecurity_EN1_NoOtherTokenOpens(t *testing.T) {
	k := newRing(t)
	token := seal(t, k, scope, newRecord())
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		flipped := bytes.Clone(raw)
		flipped[i/8] ^= 1 << (i % 8)
		refuses(t, k, scope, base64.RawURLEncoding.EncodeToString(flipped), fmt.Sprint("bit ", i))
	}
	for n := range len(raw) {
		refuses(t, k, scope, base64.RawURLEncoding.EncodeToString(raw[:n]), fmt.Sprint("bytes ", n))
	}
	for n := range len(token) {
		refuses(t, k, scope, token[:n], fmt.Sprint("characters ", n))
	}
	for c := range 256 {
		refuses(t, k, scope, token+string([]byte{byte(c)}), fmt.Sprint("appended ", c))
		refuses(t, k, scope, base64.RawURLEncoding.EncodeToString(append(bytes.Clone(raw), byte(c))), fmt.Sprint("appended byte ", c))
	}
	refuses(t, k, scope, token+token, "twice")
	refuses(t, k, scope, token[:40]+"\n"+token[40:], "line break")
	refuses(t, k, scope, `"`+token+`"`, "quoted")
}

func TestSecurity_EN2_AScopeOpensItsOwnAlone(t *testing.T) {
	k := newRing(t)
	scopes := []string{scope, "flash\x00__Host-id\x00app", "session\x00id\x00app", "session\x00__Host-id\x00other", "", scope + "\x00"}
	for _, from := range scopes {
		token := seal(t, k, from, newRecord())
		for _, to := range scopes {
			if from != to {
				refuses(t, k, to, token, fmt.Sprintf("%q in %q", from, to))
			}
		}
	}
}

func TestSecurity_EN5_KeysRotate(t *testing.T) {
	oldKey, newKey := GenerateKey(), GenerateKey()
	token := seal(t, newRing(t, oldKey), scope, newRecord())
	if _, reseal, err := newRing(t, oldKey, newKey).Open(t.Context(), scope, token); err != nil || reseal {
		t.Errorf("the new key behind the old: %v, %v", reseal, err)
	}
	both := newRing(t, newKey, oldKey)
	if _, reseal, err := both.Open(t.Context(), scope, token); err != nil || !reseal {
		t.Errorf("the new key before the old: %v, %v", reseal, err)
	}
	if _, reseal, err := newRing(t, newKey).Open(t.Context(), scope, seal(t, both, scope, newRecord())); err != nil || reseal {
		t.Errorf("sealed again: %v, %v", reseal, err)
	}
	refuses(t, newRing(t, newKey), scope, token, "the old key removed")
}

func TestSecurity_EN7_NothingRepeats(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	k, rec := newRing(t), newRecord()
	salts, nonces, commitments := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for range n {
		raw, err := base64.RawURLEncoding.DecodeString(seal(t, k, scope, rec))
		if err != nil {
			t.Fatal(err)
		}
		salts[string(raw[saltAt:commitAt])] = true
		commitments[string(raw[commitAt:nonceAt])] = true
		nonces[string(raw[nonceAt:nonceAt+nonceSize])] = true
	}
	// Each token has a key of its own, so that no nonce counts twice; 10^5 of
	// 96 bits do not repeat by chance either.
	if len(salts) != n || len(nonces) != n || len(commitments) != n {
		t.Errorf("%d seals have %d salts, %d nonces and %d keys", n, len(salts), len(nonces), len(commitments))
	}
}

func TestSecurity_EN9_ALongTokenCostsNothing(t *testing.T) {
	k := newRing(t)
	token := strings.Repeat("A", 1<<20)
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := k.Open(t.Context(), scope, token); err != errToken {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations for a megabyte", n)
	}
}

func TestSecurity_EN10_LengthTellsLength(t *testing.T) {
	k := newRing(t)
	for _, n := range []int{0, 1, 100, 2000} {
		a, b := newRecord(), newRecord()
		a.Data = bytes.Repeat([]byte("a"), n)
		for i := range n {
			b.Data = append(b.Data[:i], byte(i*7+i>>3))
		}
		b.Data = b.Data[:n]
		b.ID, b.Created, b.Seen = store.ID{255}, time.UnixMilli(1).UTC(), time.UnixMilli(2).UTC()
		if la, lb := len(seal(t, k, scope, a)), len(seal(t, k, scope, b)); la != lb {
			t.Errorf("%d bytes are sealed in %d and %d", n, la, lb)
		}
	}
}

func TestSecurity_EN11_NoOtherVersion(t *testing.T) {
	k := newRing(t)
	raw, _ := base64.RawURLEncoding.DecodeString(seal(t, k, scope, newRecord()))
	for v := range 256 {
		if raw[0] = byte(v); v != version {
			refuses(t, k, scope, base64.RawURLEncoding.EncodeToString(raw), fmt.Sprint("version ", v))
		}
	}
}

func TestNothingShowsAKey(t *testing.T) {
	key := GenerateKey()
	ring := newRing(t, key)
	type app struct { // fmt calls no method of what is not exported
		key   Key
		value Keyring
		ring  *Keyring
	}
	var out bytes.Buffer
	for _, v := range []any{key, &key, ring, []Key{key}, struct{ K Key }{key}, app{key, *ring, ring}, &app{key, *ring, ring}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Error(err)
		}
	}
	for _, form := range []string{string(key.master()[:]), fmt.Sprintf("%x", key.master()[:]), strings.Trim(fmt.Sprint(key.master()[:]), "[]"),
		base64.StdEncoding.EncodeToString(key.master()[:]), base64.RawURLEncoding.EncodeToString(key.master()[:])} {
		if strings.Contains(out.String(), form) {
			t.Errorf("a key is shown: %q", form)
		}
	}
}

func FuzzOpen(f *testing.F) {
	key, err := ParseKey("2b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfe")
	if err != nil {
		f.Fatal(err)
	}
	k := newRing(f, key)
	f.Add("")
	f.Add(strings.Repeat("A", 200))
	f.Add(seal(f, k, scope, newRecord()))
	f.Fuzz(func(t *testing.T, token string) {
		rec, _, err := k.Open(t.Context(), scope, token)
		if err != nil && (err != errToken || rec.Data != nil) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add(appendRecord(nil, newRecord()))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		rec, ok := parseRecord(raw)
		if ok && len(rec.Subject)+len(rec.Data)+fixedSize != len(raw) {
			t.Errorf("%x reads as %+v", raw, rec)
		}
	})
}

func BenchmarkSealAndOpen(b *testing.B) {
	k, rec := newRing(b), newRecord()
	for b.Loop() {
		if _, _, err := k.Open(b.Context(), scope, seal(b, k, scope, rec)); err != nil {
			b.Fatal(err)
		}
	}
}
