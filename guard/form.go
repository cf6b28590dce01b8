package guard

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

// maxPeek is how far a multipart body is read to find a field, in bytes.
const maxPeek = 1 << 20

// formField returns a field of the form in the body of a request, and "" where it is
// not found.
func formField(r *http.Request, name string) string {
	if r.Body == nil { // a request that a test has made
		return r.PostForm.Get(name)
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "multipart/form-data" && r.MultipartForm == nil && params["boundary"] != "" {
		return peekField(r, params["boundary"], name)
	}
	_ = r.ParseForm() // a form that cannot be read has no such field
	return r.PostForm.Get(name)
}

// A peekedBody is a body of which a part was read, and is read again.
type peekedBody struct {
	io.Reader
	io.Closer
}

// peekField looks for a field before the first file of a multipart body, which stays for
// the handler to read: nothing of it is written to disk.
func peekField(r *http.Request, boundary, name string) string {
	body, read := r.Body, new(bytes.Buffer)
	defer func() { r.Body = peekedBody{io.MultiReader(read, body), body} }()
	parts := multipart.NewReader(io.TeeReader(io.LimitReader(body, maxPeek), read), boundary)
	for {
		part, err := parts.NextPart()
		if err != nil || part.FileName() != "" {
			return ""
		}
		if part.FormName() != name {
			continue
		}
		field, err := io.ReadAll(part)
		if err != nil {
			return ""
		}
		return string(field)
	}
}
