package answer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// fileForm returns a request that uploads a file.
func fileForm(t *testing.T, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", address, strings.NewReader(probe.Upload(probe.Part{Name: "file", File: "photo", Text: "a file"})))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	return r
}

// parse reads a form whose files do not fit into memory.
func parse(t *testing.T, dir string, r *http.Request) {
	t.Helper()
	if err := r.ParseMultipartForm(0); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("while the request runs there are %d temporary files, %v, want 1", len(files), err)
	}
}

// An outerKey is the key of a value that a middleware outside puts into the context.
type outerKey struct{}

func TestUploadsLeaveNoFiles(t *testing.T) {
	for name, where := range map[string]func(t *testing.T, p *probe.Probe, dir string) http.Handler{
		"the handler reads the form": func(t *testing.T, p *probe.Probe, dir string) http.Handler {
			return p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				parse(t, dir, r)
				fmt.Fprint(w, r.MultipartForm.File["file"][0].Size)
			}))
		},
		"and panics": func(t *testing.T, p *probe.Probe, dir string) http.Handler {
			return p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				parse(t, dir, r)
				panic(http.ErrAbortHandler)
			}))
		},
		"behind another manager": func(t *testing.T, p *probe.Probe, dir string) http.Handler {
			inner := probe.New(t, session.Config{Cookie: session.Cookie{Name: "inner"}})
			return p.M.Handler(inner.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) { parse(t, dir, r) })))
		},
		"in a copy made outside": func(t *testing.T, p *probe.Probe, dir string) http.Handler {
			h := p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) { parse(t, dir, r) }))
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), outerKey{}, "outer")))
			})
		},
		"the error page reads it": func(t *testing.T, p *probe.Probe, dir string) http.Handler {
			failing := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
				parse(t, dir, r)
			}})
			failing.Tap.Fail("create", probe.ErrDown)
			return failing.M.Handler(probe.Act(probe.Set(t, "k", 1)))
		},
	} {
		for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
			t.Run(name+" "+string(version), func(t *testing.T) {
				dir := t.TempDir()
				t.Setenv("TMPDIR", dir)
				finished := make(chan struct{})
				h := where(t, probe.New(t, session.Config{}), dir)
				srv, c := probe.Serve(t, version, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer close(finished)
					h.ServeHTTP(w, r)
				}))
				probe.Fetch(t, c, fileForm(t, srv.URL))
				<-finished
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("the request has left %v, %v", left, err)
				}
			})
		}
	}
}

// A form that a middleware outside has read is that middleware's: its files
// stay as long as its request.
func TestAnUploadReadOutsideStaysForItsReader(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	p := probe.New(t, session.Config{})
	h := p.M.Handler(probe.Act(probe.Idle))
	srv, c := probe.Serve(t, probe.HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parse(t, dir, r)
		h.ServeHTTP(w, r)
		f, err := r.MultipartForm.File["file"][0].Open()
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if text, err := io.ReadAll(f); string(text) != "a file" {
			t.Errorf("afterwards the file holds %q, %v", text, err)
		}
	}))
	probe.Fetch(t, c, fileForm(t, srv.URL))
}

func TestALoggerOutsideSeesThePattern(t *testing.T) {
	for name, broken := range map[string]bool{"served": false, "panicked": true} {
		p := probe.New(t, session.Config{})
		mux := http.NewServeMux()
		mux.HandleFunc("GET /items/{id}/{$}", func(w http.ResponseWriter, r *http.Request) { t.Error("the other pattern") })
		mux.HandleFunc("GET /items/{id}/of/{rest...}", func(w http.ResponseWriter, r *http.Request) {
			if broken {
				panic(http.ErrAbortHandler)
			}
		})
		h := p.M.Handler(mux)
		var pattern, id, rest, none string
		srv, c := probe.Serve(t, probe.HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				pattern, id, rest, none = r.Pattern, r.PathValue("id"), r.PathValue("rest"), r.PathValue("none")
			}()
			h.ServeHTTP(w, r)
		}))
		r, _ := http.NewRequest("GET", srv.URL+"/items/7/of/a/b", nil)
		probe.Fetch(t, c, r)
		srv.Close()
		if pattern != "GET /items/{id}/of/{rest...}" || id != "7" || rest != "a/b" || none != "" {
			t.Errorf("%s: the logger sees %q, %q, %q and %q", name, pattern, id, rest, none)
		}
	}
}

// What a handler does to a field of its request is seen outside, as it is
// without the middleware.
func TestTheRequestOutsideHasWhatTheHandlerDidToIt(t *testing.T) {
	other := map[string]any{ // what a handler may put there
		"string": "other", "int": 7, "int64": int64(7), "bool": true, "*url.URL": new(url.URL),
		"url.Values": url.Values{"a": {"b"}}, "*multipart.Form": new(multipart.Form), "*tls.ConnectionState": new(tls.ConnectionState),
	}
	// The rest is not given back. The server has a body of its own, and to compare
	// two bodies may panic. What changes in a header, a trailer or a list is seen,
	// since both have the same. GetBody, Cancel and Response are for clients.
	kept := map[string]bool{
		"Body": true, "Header": true, "Trailer": true, "TransferEncoding": true,
		"GetBody": true, "Cancel": true, "Response": true,
	}
	request := reflect.TypeFor[http.Request]()
	for i := range request.NumField() {
		field := request.Field(i)
		if !field.IsExported() || kept[field.Name] {
			continue
		}
		value, known := other[field.Type.String()]
		if !known {
			t.Errorf("Request.%s is a %v: what becomes of it?", field.Name, field.Type)
			continue
		}
		p := probe.New(t, session.Config{})
		r, _ := http.NewRequest("GET", probe.URL, strings.NewReader("body"))
		p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			reflect.ValueOf(r).Elem().Field(i).Set(reflect.ValueOf(value))
		})).ServeHTTP(newPlain(), r)
		if got := reflect.ValueOf(r).Elem().Field(i).Interface(); !reflect.DeepEqual(got, value) {
			t.Errorf("the handler has set %s to %v, and outside it is %v", field.Name, value, got)
		}
	}
}

// Where http.MaxBytesReader gets the writer of the middleware, it cannot tell the
// server to close the connection. These two ways do.
func TestABodyThatIsTooLongClosesTheConnection(t *testing.T) {
	read := func(body io.Reader) int {
		var tooLong *http.MaxBytesError
		if _, err := io.Copy(io.Discard, body); errors.As(err, &tooLong) {
			return http.StatusRequestEntityTooLarge
		}
		return http.StatusOK
	}
	p := probe.New(t, session.Config{})
	for name, h := range map[string]http.Handler{
		"the limit stands outside": http.MaxBytesHandler(p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			w.WriteHeader(read(r.Body))
		})), 10),
		"the handler says so": p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			status := read(http.MaxBytesReader(w, r.Body, 10))
			if status != http.StatusOK {
				w.Header().Set("Connection", "close")
			}
			w.WriteHeader(status)
		})),
	} {
		srv, c := probe.Serve(t, probe.HTTP1, h)
		for body, status := range map[string]int{"short": 200, strings.Repeat("long", 1000): 413} {
			r, _ := http.NewRequest("POST", srv.URL, strings.NewReader(body))
			res, _, err := probe.Fetch(t, c, r)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != status || res.Close != (status == 413) {
				t.Errorf("%s: %d, and the connection is closed: %v", name, res.StatusCode, res.Close)
			}
		}
	}
}
