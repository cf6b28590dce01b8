package checklist

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
	"github.com/b4468f51/session/internal/probe"
)

func TestSecurity_ID1_TheSecretHas256Bits(t *testing.T) {
	const n = 20_000
	p := probe.New(t, session.Config{})
	var ones [48 * 8]int
	ids, secrets := map[[16]byte]bool{}, map[[32]byte]bool{}
	h := p.M.Handler(probe.Set(t, "k", true))
	for range n {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Header: http.Header{}})
		line := w.Header()["Set-Cookie"][0]
		id, secret := probe.RawToken(t, line[len(probe.CookieName)+1:][:probe.TokenLen])
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
	p := probe.New(t, session.Config{})
	r, _ := http.NewRequest("GET", probe.URL, nil)
	s, err := p.M.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[32]byte]bool{}
	issue := func(change error) {
		t.Helper()
		ck, err := p.M.Commit(t.Context(), s)
		if change != nil || err != nil || ck == nil {
			t.Fatal(change, ck, err)
		}
		_, secret := probe.RawToken(t, ck.Value)
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
	p := probe.New(t, session.Config{})
	const subject = "ann@example.org"
	a, b := p.Client().Must(probe.Login(t, subject)).Token(), p.Client().Must(probe.Login(t, subject)).Token()
	for i := range len(a) - 5 {
		if part := a[i : i+5]; strings.Contains(b, part) {
			t.Errorf("two tokens of one subject have %q in common: %q, %q", part, a, b)
		}
	}
	for _, token := range []string{a, b} {
		id, secret := probe.RawToken(t, token)
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
		cookies := probe.New(t, cfg).Client().Visit(probe.Set(t, "k", 1)).Cookies()
		if len(cookies) != 1 || cookies[0].Name != name {
			t.Errorf("the cookies are %v, want one with the name %s", cookies, name)
		}
	}
}

func TestSecurity_ID5_OnlyTheCookieCarriesAToken(t *testing.T) {
	p := probe.New(t, session.Config{})
	token := p.Client().Must(probe.Login(t, "u")).Token()
	p.Tap.Took()
	for name, edit := range map[string]func(*http.Request){
		"query": func(r *http.Request) { r.URL.RawQuery = probe.CookieName + "=" + token },
		"path":  func(r *http.Request) { r.URL.Path = "/;" + probe.CookieName + "=" + token },
		"form": func(r *http.Request) {
			r.Method = "POST"
			r.Form = map[string][]string{probe.CookieName: {token}}
			r.PostForm = r.Form
		},
		"Authorization": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
		"X-Session":     func(r *http.Request) { r.Header.Set("X-Session", token) },
		"a header of the cookie's name": func(r *http.Request) {
			r.Header.Set(probe.CookieName, token)
		},
		"another cookie":      func(r *http.Request) { r.Header.Set("Cookie", "id="+token) },
		"Cookie2":             func(r *http.Request) { r.Header.Set("Cookie2", probe.CookieName+"="+token) },
		"a trailer":           func(r *http.Request) { r.Trailer = http.Header{"Cookie": {probe.CookieName + "=" + token}} },
		"basic authorization": func(r *http.Request) { r.SetBasicAuth(probe.CookieName, token) },
	} {
		c := p.Client()
		if got := probe.Text(t, c.Visit(probe.Show, edit)); got != probe.Anonymous {
			t.Errorf("%s: the session is %q", name, got)
		}
		if calls := p.Tap.Took(); len(calls) != 0 {
			t.Errorf("%s: the store was asked to %v", name, calls)
		}
	}
	p.With(token).Wants("<u>") // the token itself is good
}

func TestSecurity_ID6_UnknownTokenIsNeverAdopted(t *testing.T) {
	p := probe.New(t, session.Config{})
	planted := probe.ForgedToken()
	id, _ := probe.RawToken(t, planted)
	c := p.With(planted)
	for _, f := range []probe.Act{probe.Set(t, "k", 1), probe.Login(t, "u"), probe.Renew(t)} {
		c.Must(f)
		if c.Token() == planted || c.Token() == "" {
			t.Fatalf("the client holds %q after a change, with %q planted", c.Token(), planted)
		}
	}
	newID, _ := probe.RawToken(t, c.Token())
	if newID == id {
		t.Error("the session took the ID that the client chose")
	}
	for _, rec := range p.Tap.Given() {
		if rec.ID == id || bytes.Contains(rec.Data, id[:]) {
			t.Error("the store was given something made of the planted token")
		}
	}
	p.Saw()
	p.With(planted).Wants(probe.Anonymous)
	if got := p.Heard(); got != "unknown session" {
		t.Errorf("the events are %q, want an unknown session", got)
	}
}

// malformed are values of the cookie that no server has set.
func malformed(good string) map[string]string {
	std := strings.NewReplacer("-", "+", "_", "/").Replace(strings.Repeat("-_", probe.TokenLen/2))
	return map[string]string{
		"empty":               "",
		"one byte":            "A",
		"one short":           good[1:],
		"one long":            good + "A",
		"padded":              good + "=",
		"4 padded":            good + "====",
		"10 MB":               strings.Repeat("A", 10<<20),
		"standard base64":     std,
		"not of the alphabet": strings.Repeat("!", probe.TokenLen),
		"a line break":        good[:62] + "\r\n",
		"a line break inside": good[:30] + "\n" + good[31:],
		"NUL":                 good[:63] + "\x00",
		"quote":               good[:63] + "'",
		"double quote":        good[:63] + `"`,
		"quoted":              `"` + good + `"`,
		"quoted, same length": `"` + good[:62] + `"`,
		"path":                strings.Repeat("../", 21) + "/",
		"UTF-8":               strings.Repeat("é", probe.TokenLen/2),
		"not UTF-8":           strings.Repeat("\xff", probe.TokenLen),
		"escaped":             "%41" + good[3:],
		"space":               good[:32] + " " + good[33:],
		"SQL":                 ("' OR 1=1 --" + good)[:probe.TokenLen],
	}
}

func TestSecurity_ID7_AMalformedTokenNeverReachesTheStore(t *testing.T) {
	p := probe.New(t, session.Config{})
	good := p.Client().Must(probe.Login(t, "u")).Token()
	p.Tap.Took()
	p.Saw()
	p.Tap.Fail("load", errors.New("the store is down"))
	cookie := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Cookie"] = []string{probe.CookieName + "=" + value} }
	}
	for name, value := range malformed(good) {
		res := p.Client().Visit(probe.Show, cookie(value))
		if got := probe.Text(t, res); res.StatusCode != 200 || got != probe.Anonymous {
			t.Errorf("%s: %d %q, want the page of nobody", name, res.StatusCode, got)
		}
		if calls := p.Tap.Took(); len(calls) != 0 {
			t.Errorf("%s: the store was asked to %v", name, calls)
		}
		if got := p.Heard(); got != "malformed token" {
			t.Errorf("%s: the events are %q, want a malformed token", name, got)
		}
	}
	for name, value := range map[string]string{"good": good, "forged": probe.ForgedToken()} {
		if res := p.Client().Visit(probe.Show, cookie(value)); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d while the store is down, want 503", name, res.StatusCode)
		}
	}
}

func TestSecurity_ID7_ATokenHasOneSpelling(t *testing.T) {
	p := probe.New(t, session.Config{})
	good := p.Client().Must(probe.Login(t, "u")).Token()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= ,.\r\n"
	for i := range good {
		for _, b := range []byte(alphabet) {
			other := []byte(good)
			other[i] = b
			if string(other) == good {
				continue
			}
			res := p.Client().Visit(probe.Show, func(r *http.Request) {
				r.Header["Cookie"] = []string{probe.CookieName + "=" + string(other)}
			})
			if got := probe.Text(t, res); got != probe.Anonymous {
				t.Fatalf("%q opens the session of %q", other, good)
			}
		}
	}
	p.With(good).Wants("<u>")
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
	p := probe.New(t, session.Config{})
	c := p.Client()
	var tokens []string
	for _, f := range []probe.Act{probe.Set(t, "k", 1), probe.Login(t, "u"), probe.Renew(t), probe.Set(t, "k", 2)} {
		tokens = append(tokens, c.Must(f).Token())
	}
	given := p.Tap.Given()
	if len(given) < len(tokens) {
		t.Fatalf("%d records were written, want at least %d", len(given), len(tokens))
	}
	var doors []string
	for _, rec := range given {
		dump := strings.Join([]string{string(rec.ID[:]), rec.Subject, string(rec.Data)}, "|")
		for _, token := range tokens {
			_, secret := probe.RawToken(t, token)
			for _, form := range append(spellings(secret[:]), spellings([]byte(token))...) {
				if strings.Contains(dump, form) {
					t.Errorf("the record %q holds a secret", dump)
				}
			}
		}
		doors = append(doors, rec.ID.String(), rec.Subject, string(rec.Data), base64.RawURLEncoding.EncodeToString(rec.Data))
		for i := range max(0, len(rec.Data)-32) { // whatever stands in it, as the secret
			doors = append(doors, probe.Token(rec.ID, [32]byte(rec.Data[i:i+32])))
		}
	}
	for _, value := range doors {
		res := p.Client().Visit(probe.Show, func(r *http.Request) { r.Header["Cookie"] = []string{probe.CookieName + "=" + value} })
		if got := probe.Text(t, res); got != probe.Anonymous {
			t.Errorf("%q, made of the store's content, opens a session", value)
		}
	}
	c.Wants("<u> k=2") // as does the token alone
}
