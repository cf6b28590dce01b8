package respond_test

import (
	"bytes"
	"crypto/tls"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"

	"github.com/b4468f51/session/internal/respond"
)

// copied returns a request and the copy that a handler gets of it.
func copied(r *http.Request) (outside, own *http.Request) {
	return r, r.WithContext(r.Context())
}

func TestTheRequestOutsideHasThePatternAndTheValuesOfItsWildcards(t *testing.T) {
	for pattern, path := range map[string]string{
		"/":                      "/",
		"GET /a/{one}/{rest...}": "/a/1/2/3",
		"/b/{one}/{$}":           "/b/1/",
	} {
		r, own := copied(httptest.NewRequest("GET", path, nil))
		mux := http.NewServeMux()
		mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
		mux.ServeHTTP(httptest.NewRecorder(), own)
		respond.HandBack(r, own)
		if r.Pattern != pattern || own.Pattern != pattern {
			t.Errorf("the pattern is %q outside, %q inside, want %q", r.Pattern, own.Pattern, pattern)
		}
		for _, name := range []string{"one", "rest", "$"} {
			if got, want := r.PathValue(name), own.PathValue(name); got != want {
				t.Errorf("%s: {%s} is %q outside, want %q", pattern, name, got, want)
			}
		}
		if got := r.PathValue("one"); path != "/" && got != "1" {
			t.Errorf("%s: {one} is %q outside", pattern, got)
		}
	}
}

func TestTheRequestOutsideHasWhatAHandlerDidToItsCopy(t *testing.T) {
	r, own := copied(httptest.NewRequest("POST", "/?a=1", nil))
	own.Method, own.Host, own.RemoteAddr, own.RequestURI = "GET", "other.test", "192.0.2.9:1", "/other"
	own.Proto, own.ProtoMajor, own.ProtoMinor = "HTTP/2.0", 2, 0
	own.URL = &url.URL{Path: "/other"}
	own.ContentLength, own.Close, own.TLS = 7, true, new(tls.ConnectionState)
	if err := own.ParseForm(); err != nil {
		t.Fatal(err)
	}
	own.Form.Set("a", "2")
	respond.HandBack(r, own)
	if r.Method != "GET" || r.Host != "other.test" || r.RemoteAddr != "192.0.2.9:1" || r.RequestURI != "/other" ||
		r.Proto != "HTTP/2.0" || r.ProtoMajor != 2 || r.ProtoMinor != 0 || r.URL.Path != "/other" ||
		r.ContentLength != 7 || !r.Close || r.TLS != own.TLS || r.Form.Get("a") != "2" {
		t.Errorf("the request outside is %+v", r)
	}
}

// Others may be reading the request meanwhile, so HandBack writes only what differs:
// the race detector sees it if it does more.
func TestARequestThatIsAsItWasIsNotWrittenTo(t *testing.T) {
	r, own := copied(httptest.NewRequest("GET", "/", nil))
	done := make(chan string)
	go func() { done <- r.Method + r.Host + r.Pattern + r.URL.Path + r.Form.Get("a") }()
	respond.HandBack(r, own)
	<-done
}

// upload returns a request with a form that has a file in it.
func upload(t *testing.T) *http.Request {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(bytes.Repeat([]byte("x"), 100_000))
	form.Close()
	r := httptest.NewRequest("POST", "/", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

func files(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestTheFilesOfAnUploadAreRemovedWithTheCopyThatReadThem(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	r, own := copied(upload(t))
	if err := own.ParseMultipartForm(1); err != nil || files(t, dir) == 0 {
		t.Fatalf("%v: the upload left no file to remove", err)
	}
	respond.HandBack(r, own)
	if n := files(t, dir); n != 0 {
		t.Errorf("%d files of the upload are left", n)
	}
	if r.MultipartForm != own.MultipartForm || r.PostForm == nil {
		t.Error("the request outside does not have the form")
	}
}

func TestTheFilesOfAnUploadThatWasReadOutsideStay(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	r := upload(t)
	if err := r.ParseMultipartForm(1); err != nil {
		t.Fatal(err)
	}
	defer r.MultipartForm.RemoveAll()
	r, own := copied(r)
	respond.HandBack(r, own)
	if files(t, dir) == 0 {
		t.Error("the files were removed under their reader")
	}
}
