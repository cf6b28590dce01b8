package respond

import (
	"net/http"
	"net/url"
	"strings"
)

// HandBack does to a request what a handler did to own, a copy of it. The server and
// the middlewares outside have the request itself, and read there, for instance, which
// pattern was matched. HandBack writes only what differs, since others may be reading.
//
// It removes the temporary files of a form that was read from the copy. The server does
// that at the end of a request, but not for a copy made outside, nor over HTTP/2 with
// Go 1.27.
func HandBack(r, own *http.Request) {
	if own.MultipartForm != r.MultipartForm {
		r.MultipartForm = own.MultipartForm
		if r.MultipartForm != nil {
			_ = r.MultipartForm.RemoveAll()
		}
	}
	handBackForm(&r.Form, own.Form)
	handBackForm(&r.PostForm, own.PostForm)
	if own.Pattern != r.Pattern {
		r.Pattern = own.Pattern
		handBackPath(r, own)
	}
	handBackField(&r.Method, own.Method)
	handBackField(&r.URL, own.URL)
	handBackField(&r.Proto, own.Proto)
	handBackField(&r.ProtoMajor, own.ProtoMajor)
	handBackField(&r.ProtoMinor, own.ProtoMinor)
	handBackField(&r.ContentLength, own.ContentLength)
	handBackField(&r.Close, own.Close)
	handBackField(&r.Host, own.Host)
	handBackField(&r.RemoteAddr, own.RemoteAddr)
	handBackField(&r.RequestURI, own.RequestURI)
	handBackField(&r.TLS, own.TLS)
}

func handBackField[T comparable](field *T, own T) {
	if *field != own {
		*field = own
	}
}

// handBackForm tells a form that was read from one that was not: one that was
// there before is shared.
func handBackForm(field *url.Values, own url.Values) {
	if (*field == nil) != (own == nil) {
		*field = own
	}
}

// handBackPath gives a request the values of the wildcards in its pattern.
func handBackPath(r, own *http.Request) {
	for rest := r.Pattern; ; {
		var name string
		var found bool
		if _, rest, found = strings.Cut(rest, "{"); !found {
			return
		}
		name, rest, _ = strings.Cut(rest, "}")
		if name = strings.TrimSuffix(name, "..."); name != "$" {
			r.SetPathValue(name, own.PathValue(name))
		}
	}
}
