package csrf

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

const (
	// maxForm is the longest form without files, in bytes: as in net/http.
	maxForm = 10 << 20

	// maxPeek is how far a multipart body is read to find a field, in bytes.
	maxPeek = 1 << 20
)

// Why a field of a multipart body was not looked for any further.
var (
	errAfterFile = errors.New("a file stands before it: put it first")
	errTooFarIn  = errors.New("it is not in the first MiB of the body: put it first")
)

// formField returns a field of the form in the body of a request, and "" where
// it is not there. A multipart body stays for the handler to read, and nothing of
// it is written to disk: only what stands before the first file is looked at.
func formField(r *http.Request, name string) (string, error) {
	if r.Body == nil { // a request that a test has made
		return r.PostForm.Get(name), nil
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "multipart/form-data" && r.MultipartForm == nil {
		if params["boundary"] == "" {
			return "", http.ErrMissingBoundary
		}
		return peekField(r, params["boundary"], name)
	}
	if r.PostForm == nil {
		body := r.Body
		r.Body = http.MaxBytesReader(nil, body, maxForm) // whose error has a type
		defer func() { r.Body = body }()
	}
	err := r.ParseForm()
	if field := r.PostForm.Get(name); field != "" {
		return field, nil // whatever is wrong with the query
	}
	return "", err
}

// A peekedBody is a body of which a part was read, and is read again.
type peekedBody struct {
	io.Reader
	io.Closer
}

// peekField looks for a field in the beginning of a multipart body.
func peekField(r *http.Request, boundary, name string) (string, error) {
	body, read := r.Body, new(bytes.Buffer)
	limited := &io.LimitedReader{R: body, N: maxPeek}
	defer func() { r.Body = peekedBody{io.MultiReader(read, body), body} }()
	parts := multipart.NewReader(io.TeeReader(limited, read), boundary)
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return "", nil
		}
		var field []byte
		if err == nil {
			if part.FileName() != "" {
				return "", errAfterFile
			}
			if part.FormName() != name {
				continue
			}
			field, err = io.ReadAll(part)
		}
		switch {
		case err == nil:
			return string(field), nil
		case limited.N <= 0:
			return "", errTooFarIn
		default:
			return "", err
		}
	}
}
