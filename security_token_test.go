package session_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/sid"
)

// rawToken decodes a token into its ID and its secret.
func rawToken(t testing.TB, text string) (id [16]byte, secret [32]byte) {
	t.Helper()
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != 48 {
		t.Fatalf("the token %q: %d bytes, %v", text, len(raw), err)
	}
	return [16]byte(raw[:16]), [32]byte(raw[16:])
}

func forgedToken() string { return sid.Token{ID: sid.NewID(), Secret: sid.NewSecret()}.Reveal() }

func TestSecurity_ID1_TheSecretHas256Bits(t *testing.T) {
	const n = 20_000
	p := newProbe(t, session.Config{})
	var ones [48 * 8]int
	ids, secrets := map[[16]byte]bool{}, map[[32]byte]bool{}
	h := p.m.Handler(set(t, "k", true))
	for range n {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Header: http.Header{}})
		line := w.Header()["Set-Cookie"][0]
		id, secret := rawToken(t, line[len(cookieName)+1:][:sid.Len])
		ids[id], secrets[secret] = true, true
		for i, b := range append(id[:], secret[:]...) {
			for bit := range 8 {
				ones[i*8+bit] += int(b >> bit & 1)
			}
		}
	}
	if len(ids) != n || len(secrets) != n {
		t.Errorf("%d IDs and %d secrets for %d sessions", len(ids), len(secrets), n)
	}
	sigma := math.Sqrt(n) / 2
	for i, k := range ones {
		if math.Abs(float64(k)-n/2) > 6*sigma {
			t.Errorf("bit %d of byte %d is set in %d of %d tokens", i%8, i/8, k, n)
		}
	}
}

func TestSecurity_ID1_NoSecretIsUsedTwice(t *testing.T) {
	p := newProbe(t, session.Config{})
	r, _ := http.NewRequest("GET", appURL, nil)
	s, err := p.m.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[32]byte]bool{}
	issue := func(change error) {
		t.Helper()
		ck, err := p.m.Commit(t.Context(), s)
		if change != nil || err != nil || ck == nil {
			t.Fatal(change, ck, err)
		}
		_, secret := rawToken(t, ck.Value)
		if seen[secret] {
			t.Error("a token has the secret of one before")
		}
		seen[secret] = true
	}
	issue(s.Set("k", 1))
	issue(s.Login("u"))
	issue(s.Renew())
	for range 2 {
		if err := s.Destroy(t.Context()); err != nil {
			t.Fatal(err)
		}
		issue(s.Set("k", 1)) // a new session
	}
}

func TestSecurity_ID3_TheTokenMeansNothing(t *testing.T) {
	p := newProbe(t, session.Config{})
	const subject = "ann@example.org"
	a, b := p.client().must(login(t, subject)).token(), p.client().must(login(t, subject)).token()
	for i := range len(a) - 5 {
		if part := a[i : i+5]; strings.Contains(b, part) {
			t.Errorf("two tokens of one subject have %q in common: %q, %q", part, a, b)
		}
	}
	for _, token := range []string{a, b} {
		id, secret := rawToken(t, token)
		for _, form := range spellings([]byte(subject)) {
			if strings.Contains(token, form) || bytes.Contains(append(id[:], secret[:]...), []byte(form)) {
				t.Errorf("the token %q holds the subject", token)
			}
		}
	}
}

func TestSecurity_ID4_TheCookieNameIsGenericAndYours(t *testing.T) {
	for name, cfg := range map[string]session.Config{
		"__Host-id": {},
		"id":        {Cookie: session.Cookie{Path: "/app"}},
		"visit":     {Cookie: session.Cookie{Name: "visit"}},
	} {
		cookies := newProbe(t, cfg).client().visit(set(t, "k", 1)).Cookies()
		if len(cookies) != 1 || cookies[0].Name != name {
			t.Errorf("the cookies are %v, want one with the name %s", cookies, name)
		}
	}
}

func TestSecurity_ID5_OnlyTheCookieCarriesAToken(t *testing.T) {
	p := newProbe(t, session.Config{})
	token := p.client().must(login(t, "u")).token()
	p.tap.took()
	for name, edit := range map[string]func(*http.Request){
		"query": func(r *http.Request) { r.URL.RawQuery = cookieName + "=" + token },
		"path":  func(r *http.Request) { r.URL.Path = "/;" + cookieName + "=" + token },
		"form": func(r *http.Request) {
			r.Method = "POST"
			r.Form = map[string][]string{cookieName: {token}}
			r.PostForm = r.Form
		},
		"Authorization": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
		"X-Session":     func(r *http.Request) { r.Header.Set("X-Session", token) },
		"a header of the cookie's name": func(r *http.Request) {
			r.Header.Set(cookieName, token)
		},
		"another cookie":      func(r *http.Request) { r.Header.Set("Cookie", "id="+token) },
		"Cookie2":             func(r *http.Request) { r.Header.Set("Cookie2", cookieName+"="+token) },
		"a trailer":           func(r *http.Request) { r.Trailer = http.Header{"Cookie": {cookieName + "=" + token}} },
		"basic authorization": func(r *http.Request) { r.SetBasicAuth(cookieName, token) },
	} {
		c := p.client()
		if got := text(t, c.visit(show, edit)); got != anonymous {
			t.Errorf("%s: the session is %q", name, got)
		}
		if calls := p.tap.took(); len(calls) != 0 {
			t.Errorf("%s: the store was asked to %v", name, calls)
		}
	}
	p.with(token).wants("<u>") // the token itself is good
}

func TestSecurity_ID6_UnknownTokenIsNeverAdopted(t *testing.T) {
	p := newProbe(t, session.Config{})
	planted := forgedToken()
	id, _ := rawToken(t, planted)
	c := p.with(planted)
	for _, f := range []act{set(t, "k", 1), login(t, "u"), renew(t)} {
		c.must(f)
		if c.token() == planted || c.token() == "" {
			t.Fatalf("the client holds %q after a change, with %q planted", c.token(), planted)
		}
	}
	newID, _ := rawToken(t, c.token())
	if newID == id {
		t.Error("the session took the ID that the client chose")
	}
	for _, rec := range p.tap.given() {
		if rec.ID == id || bytes.Contains(rec.Data, id[:]) {
			t.Error("the store was given something made of the planted token")
		}
	}
	p.saw()
	p.with(planted).wants(anonymous)
	if got := p.heard(); got != "unknown session" {
		t.Errorf("the events are %q, want an unknown session", got)
	}
}

// malformed are values of the cookie that no server has set.
func malformed(good string) map[string]string {
	std := strings.NewReplacer("-", "+", "_", "/").Replace(strings.Repeat("-_", sid.Len/2))
	return map[string]string{
		"empty":               "",
		"one byte":            "A",
		"one short":           good[1:],
		"one long":            good + "A",
		"padded":              good + "=",
		"4 padded":            good + "====",
		"10 MB":               strings.Repeat("A", 10<<20),
		"standard base64":     std,
		"not of the alphabet": strings.Repeat("!", sid.Len),
		"a line break":        good[:62] + "\r\n",
		"a line break inside": good[:30] + "\n" + good[31:],
		"NUL":                 good[:63] + "\x00",
		"quote":               good[:63] + "'",
		"double quote":        good[:63] + `"`,
		"quoted":              `"` + good + `"`,
		"quoted, same length": `"` + good[:62] + `"`,
		"path":                strings.Repeat("../", 21) + "/",
		"UTF-8":               strings.Repeat("é", sid.Len/2),
		"not UTF-8":           strings.Repeat("\xff", sid.Len),
		"escaped":             "%41" + good[3:],
		"space":               good[:32] + " " + good[33:],
		"SQL":                 ("' OR 1=1 --" + good)[:sid.Len],
	}
}

func TestSecurity_ID7_AMalformedTokenNeverReachesTheStore(t *testing.T) {
	p := newProbe(t, session.Config{})
	good := p.client().must(login(t, "u")).token()
	p.tap.took()
	p.saw()
	p.tap.fail("load", errors.New("the store is down"))
	cookie := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Cookie"] = []string{cookieName + "=" + value} }
	}
	for name, value := range malformed(good) {
		res := p.client().visit(show, cookie(value))
		if got := text(t, res); res.StatusCode != 200 || got != anonymous {
			t.Errorf("%s: %d %q, want the page of nobody", name, res.StatusCode, got)
		}
		if calls := p.tap.took(); len(calls) != 0 {
			t.Errorf("%s: the store was asked to %v", name, calls)
		}
		if got := p.heard(); got != "malformed token" {
			t.Errorf("%s: the events are %q, want a malformed token", name, got)
		}
	}
	for name, value := range map[string]string{"good": good, "forged": forgedToken()} {
		if res := p.client().visit(show, cookie(value)); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d while the store is down, want 503", name, res.StatusCode)
		}
	}
}

func TestSecurity_ID7_ATokenHasOneSpelling(t *testing.T) {
	p := newProbe(t, session.Config{})
	good := p.client().must(login(t, "u")).token()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= ,.\r\n"
	for i := range good {
		for _, b := range []byte(alphabet) {
			other := []byte(good)
			other[i] = b
			if string(other) == good {
				continue
			}
			res := p.client().visit(show, func(r *http.Request) {
				r.Header["Cookie"] = []string{cookieName + "=" + string(other)}
			})
			if got := text(t, res); got != anonymous {
				t.Fatalf("%q opens the session of %q", other, good)
			}
		}
	}
	p.with(good).wants("<u>")
}

// spellings are the forms in which bytes may be written down.
func spellings(raw []byte) []string {
	return []string{
		string(raw), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
		base64.RawURLEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw),
		base64.RawStdEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw),
	}
}

func TestSecurity_ID11_AStolenStoreOpensNoDoor(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	var tokens []string
	for _, f := range []act{set(t, "k", 1), login(t, "u"), renew(t), set(t, "k", 2)} {
		tokens = append(tokens, c.must(f).token())
	}
	given := p.tap.given()
	if len(given) < len(tokens) {
		t.Fatalf("%d records were written, want at least %d", len(given), len(tokens))
	}
	var doors []string
	for _, rec := range given {
		dump := strings.Join([]string{string(rec.ID[:]), rec.Subject, string(rec.Data)}, "|")
		for _, token := range tokens {
			_, secret := rawToken(t, token)
			for _, form := range append(spellings(secret[:]), spellings([]byte(token))...) {
				if strings.Contains(dump, form) {
					t.Errorf("the record %q holds a secret", dump)
				}
			}
		}
		doors = append(doors, rec.ID.String(), rec.Subject, string(rec.Data), base64.RawURLEncoding.EncodeToString(rec.Data))
		for i := range max(0, len(rec.Data)-32) { // whatever stands in it, as the secret
			doors = append(doors, sid.Token{ID: rec.ID, Secret: sid.Secret(rec.Data[i : i+32])}.Reveal())
		}
	}
	for _, value := range doors {
		res := p.client().visit(show, func(r *http.Request) { r.Header["Cookie"] = []string{cookieName + "=" + value} })
		if got := text(t, res); got != anonymous {
			t.Errorf("%q, made of the store's content, opens a session", value)
		}
	}
	c.wants("<u> k=2") // as does the token alone
}
