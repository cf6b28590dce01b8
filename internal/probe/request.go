package probe

import (
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// Headers sets headers of a request, given as names and values.
func Headers(pairs ...string) func(*http.Request) {
	return func(r *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			r.Header.Set(pairs[i], pairs[i+1])
		}
	}
}

// Cookies sends Cookie headers as they are, in the place of the jar's.
func Cookies(lines ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header["Cookie"] = lines }
}

// Request returns a request for the page of a [Client], without its cookies.
func Request() *http.Request {
	r, err := http.NewRequest("GET", URL, nil)
	if err != nil {
		panic(err)
	}
	return r
}

// Navigate makes a request one by which a browser opens a page.
func Navigate(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate") }

// Method gives a request a method.
func Method(method string) func(*http.Request) {
	return func(r *http.Request) { r.Method = method }
}

// Asks makes a request one for another target, as net/http reads it.
func Asks(target string) func(*http.Request) {
	return func(r *http.Request) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			panic(err)
		}
		r.URL, r.RequestURI = u, target
	}
}

// FormType and UploadType are the media types of the bodies of forms, without files and
// with them.
const (
	FormType   = "application/x-www-form-urlencoded"
	UploadType = "multipart/form-data; boundary=x"
)

// Sends makes a request a POST with a body.
func Sends(kind string, body io.Reader) func(*http.Request) {
	return func(r *http.Request) {
		r.Method = "POST"
		r.Header.Set("Content-Type", kind)
		r.Body, r.ContentLength = io.NopCloser(body), -1
		if b, ok := body.(io.ReadCloser); ok {
			r.Body = b
		}
	}
}

// A Part is one of a multipart form: a field, or a file where File is its name.
type Part struct{ Name, File, Text string }

// Upload returns a body of the type [UploadType].
func Upload(parts ...Part) string {
	var body strings.Builder
	w := multipart.NewWriter(&body)
	w.SetBoundary("x")
	for _, p := range parts {
		var to io.Writer
		if p.File != "" {
			to, _ = w.CreateFormFile(p.Name, p.File)
		} else {
			to, _ = w.CreateFormField(p.Name)
		}
		io.WriteString(to, p.Text)
	}
	w.Close()
	return body.String()
}

// A CountedBody is a request body that tells how much of it was read.
type CountedBody struct {
	io.Reader
	Count int64 // of bytes
}

// Read counts what it reads.
func (b *CountedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.Count += int64(n)
	return n, err
}

// Close does nothing.
func (b *CountedBody) Close() error { return nil }

// Zeros are as many bytes as somebody likes to upload.
type Zeros struct{}

// Read fills p.
func (Zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
