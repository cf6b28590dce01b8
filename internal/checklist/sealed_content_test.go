package checklist

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// readings returns what somebody may read in a cookie: as it stands and decoded,
// from each byte on where that matters.
func readings(text string) [][]byte {
	all := [][]byte{[]byte(text)}
	if un, err := url.QueryUnescape(text); err == nil {
		all = append(all, []byte(un))
	}
	if b, err := hex.DecodeString(text); err == nil {
		all = append(all, b)
	}
	for skip := range 4 {
		for _, enc := range []*base64.Encoding{base64.RawURLEncoding, base64.RawStdEncoding} {
			b, _ := enc.DecodeString(text[skip:])
			all = append(all, b)
		}
	}
	for _, b := range slices.Clone(all) {
		for at := range len(b) {
			unpacked, _ := io.ReadAll(flate.NewReader(bytes.NewReader(b[at:])))
			all = append(all, unpacked)
			if z, err := zlib.NewReader(bytes.NewReader(b[at:])); err == nil {
				unpacked, _ := io.ReadAll(z)
				all = append(all, unpacked)
			}
		}
	}
	return all
}

func TestSecurity_ID3_ASealedCookieShowsNothing(t *testing.T) {
	const subject, marker = "ann@example.org", "MARKER-of-the-value"
	// That the readings find what is merely encoded or packed:
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	io.WriteString(z, strings.Repeat(marker, 2))
	z.Close()
	for name, text := range map[string]string{
		"base64": base64.RawURLEncoding.EncodeToString([]byte("xy" + marker)), "hex": hex.EncodeToString([]byte(marker)),
		"zlib": base64.RawURLEncoding.EncodeToString(append([]byte("head"), packed.Bytes()...)),
	} {
		if !slices.ContainsFunc(readings(text), func(b []byte) bool { return bytes.Contains(b, []byte(marker)) }) {
			t.Fatalf("the readings do not find what is in %s", name)
		}
	}

	ring := probe.NewRing(t)
	site := probe.SealedSite(t, ring, session.Config{})
	var tokens []string
	for range 2 {
		b := site.With("", "")
		b.Get("/login?" + subject)
		b.Get("/set?" + marker)
		b.Want("/read", 200, subject+"/"+marker)
		tokens = append(tokens, b.Val)
	}
	for _, token := range tokens {
		for _, read := range readings(token) {
			for _, secret := range []string{subject, "ann@", "example.org", marker, "MARKER"} {
				for _, form := range append(spellings([]byte(secret)), secret) {
					if bytes.Contains(read, []byte(form)) {
						t.Errorf("%q is in the cookie", form)
					}
				}
			}
		}
	}
	// Two have nothing in common but the version and the name of the key, 5 bytes.
	const common = 7 // characters that these 5 bytes have a part in
	a, b := tokens[0], tokens[1]
	for i := common; i < len(a)-6; i++ {
		if part := a[i : i+6]; strings.Contains(b[common:], part) {
			t.Errorf("two cookies of one subject have %q in common", part)
		}
	}
}

// A session is one cookie, whatever is in it: what does not fit is refused, and
// not cut into pieces. So all that the library has a browser send stays well below
// the 8,192 bytes of header that many servers and proxies take.
func TestSecurity_CK5_NothingIsCutIntoSeveralCookies(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{MaxSize: 3072})
	site.Handle("/form", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if _, err := s.Binding("forms"); err != nil {
			t.Error(err)
		}
	})
	held := map[string]string{}
	visit := func(path string) int {
		r := httptest.NewRequest("GET", path, nil)
		for name, val := range held {
			r.AddCookie(&http.Cookie{Name: name, Value: val})
		}
		w := httptest.NewRecorder()
		site.Handler.ServeHTTP(w, r)
		for _, ck := range w.Result().Cookies() {
			held[ck.Name] = ck.Value
		}
		return w.Code
	}
	visit("/form")
	fits, refused := 0, 0
	for n := 1; n < 6000; n += 97 {
		if visit("/set?"+strings.Repeat("x", n)) == http.StatusOK {
			fits++
		} else {
			refused++
		}
		size := 0
		for name, val := range held {
			size += len(name + "=" + val + "; ")
		}
		if len(held) != 2 || size > 4096+128 {
			t.Fatalf("with %d bytes the browser holds %d cookies of %d bytes", n, len(held), size)
		}
	}
	if fits == 0 || refused == 0 {
		t.Errorf("%d sizes fit, %d were refused", fits, refused)
	}
}
