package guard_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/internal/probe"
)

func TestReturnToStaysOnThisSite(t *testing.T) {
	for page, safe := range map[string]bool{
		"/": true, "/account?tab=2#x": true, "/a//b": true, "/%2F%2Fevil.test": true, "/:8080/": true, "/@evil.test": true,
		"": false, "account": false, "//evil.test": false, "///evil.test": false, `/\evil.test`: false, `\\evil.test`: false,
		"https://evil.test/": false, "javascript:alert(1)": false, "/\t/evil.test": false, "/\n/evil.test": false, "\t//evil.test": false,
		" //evil.test": false, "/\x00/evil.test": false, "/\x7f": false, "http:evil.test": false, "/%zz": false,
	} {
		want := "/home"
		if safe {
			want = page
		}
		for _, r := range []*http.Request{
			httptest.NewRequest("GET", "/signin?return_to="+url.QueryEscape(page), nil),
			{Method: "POST", URL: &url.URL{}, PostForm: url.Values{"return_to": {page}}, Form: url.Values{"return_to": {page}}},
		} {
			if got := guard.ReturnTo(r, "/home"); got != want {
				t.Errorf("%s with %q leads to %q", r.Method, page, got)
			}
		}
	}
}

// However a request names its page and its host, it is sent to the sign-in page
// of this site, and from there to this site.
func TestRequireRemembersNoOtherSite(t *testing.T) {
	p := probe.New(t, session.Config{})
	h := p.M.Handler(guard.RequireSubject("/signin")(http.NotFoundHandler()))
	for line, want := range map[string]string{
		"/account?a=b":            "/account?a=b",
		"//evil.test/x":           "/home",
		"///evil.test":            "/home",
		`/\evil.test/`:            "/%5Cevil.test/",
		"/%2F%2Fevil.test/":       "/%2F%2Fevil.test/",
		"/%0d%0aSet-Cookie:x=y":   "/%0d%0aSet-Cookie:x=y",
		"/?return_to=//evil.test": "/?return_to=//evil.test",
		"http://evil.test/x":      "/x",
		"http://evil.test//b.c/x": "/home",
		"http:evil.test":          "/home",
	} {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + line + " HTTP/1.1\r\nHost: evil.test\r\n\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		probe.Navigate(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		location := w.Header().Get("Location")
		if !strings.HasPrefix(location, "/signin?return_to=") || len(w.Header()["Set-Cookie"]) > 0 {
			t.Errorf("%s is sent to %q, with %q", line, location, w.Header())
		}
		if got := guard.ReturnTo(httptest.NewRequest("GET", location, nil), "/home"); got != want {
			t.Errorf("%s leads to %q, want %q", line, got, want)
		}
	}
}

// What ReturnTo lets through is a path on this site, as browsers read it
// (WHATWG URL, 4.4), and still is as http.Redirect puts it.
func FuzzReturnTo(f *testing.F) {
	for _, page := range []string{"/", "/account?tab=2#x", "//evil.test", `/\evil.test`, "/\t/evil.test", "/.//evil.test", "/..//evil.test", " //evil.test", "/%2F/evil.test", "https:/evil.test", "/\u2028/evil.test"} {
		f.Add(page)
	}
	asBrowsers := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/")
	f.Fuzz(func(t *testing.T, page string) {
		form := url.Values{"return_to": {page}}
		got := guard.ReturnTo(&http.Request{Method: "POST", URL: &url.URL{}, PostForm: form, Form: form}, "/")
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest("GET", "/signin", nil), got, http.StatusSeeOther)
		for _, ref := range []string{got, w.Header().Get("Location")} {
			read := asBrowsers.Replace(strings.TrimLeftFunc(ref, func(r rune) bool { return r <= ' ' }))
			if !strings.HasPrefix(read, "/") || strings.HasPrefix(read, "//") {
				t.Errorf("%q leads to %q", page, ref)
			}
		}
	})
}

func TestReturnToNeverLeadsBackToItsOwnPage(t *testing.T) {
	for _, page := range []string{"/signin", "/signin?return_to=%2Fsignin", "/signin#x", "/signin/", "/x/../signin", "/sign%69n", "/./signin"} {
		r := httptest.NewRequest("GET", "/signin?return_to="+url.QueryEscape(page), nil)
		if got := guard.ReturnTo(r, "/home"); got != "/home" {
			t.Errorf("%q leads to %q", page, got)
		}
		w := httptest.NewRecorder()
		http.StripPrefix("/app", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := guard.ReturnTo(r, "/home"); got != page {
				t.Errorf("in a folder, %q leads to %q", page, got)
			}
		})).ServeHTTP(w, httptest.NewRequest("GET", "/app/signin?return_to="+url.QueryEscape(page), nil))
	}
}

func TestReturnToCostsNoDiskAndNextToNoReading(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	const begins = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
	body := &probe.CountedBody{Reader: io.MultiReader(strings.NewReader(begins), io.LimitReader(probe.Zeros{}, 48<<20))}
	r, _ := http.NewRequest("POST", "/signin?return_to=/there", body)
	r.Header.Set("Content-Type", probe.UploadType)
	if got := guard.ReturnTo(r, "/"); got != "/there" || body.Count > 64<<10 {
		t.Errorf("leads to %q; %d bytes were read", got, body.Count)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("left on disk: %v, %v", files, err)
	}
}

// A body that is no form is the handler's, however long.
func TestABodyThatIsNoFormIsLeftWhole(t *testing.T) {
	const size = 11 << 20
	r, _ := http.NewRequest("POST", "/signin?return_to=/there", io.LimitReader(probe.Zeros{}, size))
	r.Header.Set("Content-Type", "application/octet-stream")
	if got := guard.ReturnTo(r, "/"); got != "/there" {
		t.Errorf("leads to %q", got)
	}
	if n, err := io.Copy(io.Discard, r.Body); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}
