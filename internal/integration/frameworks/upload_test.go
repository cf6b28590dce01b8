package frameworks_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"

	"github.com/b4468f51/session"
)

// upload returns the form of a file, and its Content-Type.
func upload(t *testing.T, size int) (*bytes.Buffer, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "cat.jpg")
	if err != nil {
		t.Fatal(err)
	}
	file.Write(bytes.Repeat([]byte("x"), size))
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return &body, form.FormDataContentType()
}

// received is what handlers make of an upload: its size, and how many files
// the form has in the folder for temporary ones.
func received(t *testing.T, r *http.Request) string {
	if session.FromContext(r.Context()) != nil {
		if _, err := count(r); err != nil {
			t.Error(err)
		}
	}
	_, header, err := r.FormFile("file")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d bytes in %d files", header.Size, temporary(t))
}

// temporary returns how many files there are in the folder for temporary ones.
func temporary(t *testing.T) int {
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Error(err)
	}
	return len(entries)
}

// memory is how much of an upload these applications keep in memory, in bytes.
const memory = 1 << 10

// receives is a handler that parses an upload.
func receives(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.ParseMultipartForm(memory)
		io.WriteString(w, received(t, r))
	}
}

// upload sends an upload, which the application keeps in a file.
func (b *browser) upload() {
	b.t.Helper()
	body, contentType := upload(b.t, 1<<20)
	r := b.request("POST", "/", body)
	r.Header.Set("Content-Type", contentType)
	if a := b.do(r); a.StatusCode != 200 || a.body != "1048576 bytes in 1 files" {
		b.t.Fatalf("%d %q", a.StatusCode, a.body)
	}
}

// useTemporary gives the test a folder of its own for temporary files.
func useTemporary(t *testing.T) {
	t.Helper()
	t.Setenv(map[bool]string{false: "TMPDIR", true: "TMP"}[runtime.GOOS == "windows"], t.TempDir())
}

// Net/http removes the files of a form when the request is over, if the form was
// parsed from the server's own request. Below the Manager it is not.
func TestUploads_LeaveNoFiles(t *testing.T) {
	routes := map[string]func(t *testing.T, s *site) http.Handler{
		"net/http": func(t *testing.T, s *site) http.Handler { return s.m.Handler(receives(t)) },
		"chi": func(t *testing.T, s *site) http.Handler {
			r := chi.NewRouter()
			r.Use(s.m.Handler)
			r.Post("/", receives(t))
			return r
		},
		"gorilla mux": func(t *testing.T, s *site) http.Handler {
			r := mux.NewRouter()
			r.Use(s.m.Handler)
			r.Handle("/", receives(t))
			return r
		},
		"gin": func(t *testing.T, s *site) http.Handler {
			engine := newGin()
			engine.MaxMultipartMemory = memory
			engine.POST("/", func(c *gin.Context) {
				if _, err := c.FormFile("file"); err != nil {
					t.Error(err)
				}
				c.String(200, received(t, c.Request))
			})
			return s.m.Handler(engine)
		},
	}
	onEachEcho(t, func(t *testing.T, e echo) {
		routes["echo "+t.Name()[strings.LastIndex(t.Name(), "/")+1:]] = func(t *testing.T, s *site) http.Handler {
			e.post("/", func(w http.ResponseWriter, r *http.Request) error { receives(t)(w, r); return nil })
			return s.m.Handler(e)
		}
	})
	for name, build := range routes {
		for _, two := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %v", name, two), func(t *testing.T) {
				useTemporary(t)
				s := newSite(t, session.Config{})
				browse(t, serve(t, build(t, s), two)).upload()
				for deadline := time.Now().Add(10 * time.Second); temporary(t) > 0; runtime.Gosched() {
					if time.Now().After(deadline) {
						t.Fatal("the upload's file is still there")
					}
				}
			})
		}
	}
}

// Chi and gorilla/mux give handlers a copy of the request. Outside of them the
// Manager cannot see its form, and the files stay, as they do without the Manager.
func TestUploads_StayInARouterThatIsInside(t *testing.T) {
	for name, build := range map[string]func() http.Handler{
		"chi": func() http.Handler {
			r := chi.NewRouter()
			r.Post("/", receives(t))
			return r
		},
		"gorilla mux": func() http.Handler {
			r := mux.NewRouter()
			r.Handle("/", receives(t))
			return r
		},
	} {
		for _, managed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, Manager %v", name, managed), func(t *testing.T) {
				useTemporary(t)
				h := build()
				if managed {
					h = newSite(t, session.Config{}).m.Handler(h)
				}
				b := browse(t, serve(t, h))
				b.upload()
				b.srv.Close() // the request is over then
				if n := temporary(t); n != 1 {
					t.Errorf("%d files: the documentation says that they stay", n)
				}
			})
		}
	}
}

// Outside of the Manager, a limit of bodies refuses, and closes the connection,
// so that the rest is not sent.
func TestUploads_ALimitOutsideClosesTheConnection(t *testing.T) {
	s := newSite(t, session.Config{})
	b := browse(t, serve(t, http.MaxBytesHandler(s.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count(r)
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		}
	})), 1<<10)))
	body, contentType := upload(t, 100<<10)
	r := b.request("POST", "/", body)
	r.Header.Set("Content-Type", contentType)
	if a := b.do(r); a.StatusCode != 413 || !a.Close || a.sets() != cookieName {
		t.Errorf("%d, closed: %v, %q", a.StatusCode, a.Close, a.Header)
	}
}
