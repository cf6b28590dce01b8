package csrf_test

import (
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/internal/probe"
)

func TestARefusedUploadCostsNoDiskAndNextToNoReading(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	p := probe.New(t, session.Config{})
	shown, stranger := p.Client(), p.Client()
	good := formToken(shown)
	const size = 48 << 20
	field := func(name, text string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + text + "\r\n"
	}
	const file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
	for name, tt := range map[string]struct {
		c      *probe.Client
		begins string // the body, before 48 MiB of zeros
		header string
		most   int64 // bytes read
	}{
		"no cookie":                         {stranger, field("csrf_token", good) + file, "", 0},
		"no cookie, with a header":          {stranger, file, good, 0},
		"a bad header":                      {shown, field("csrf_token", good) + file, "bad", 0},
		"a bad token":                       {shown, field("csrf_token", "bad") + file, "", 64 << 10},
		"no token before the file":          {shown, field("a", "1") + file, "", 64 << 10},
		"an endless field":                  {shown, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n", "", 1<<20 + 64<<10},
		"an endless token":                  {shown, "--x\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n", "", 1<<20 + 64<<10},
		"an endless header of a part":       {shown, "--x\r\nContent-Disposition: ", "", 1<<20 + 64<<10},
		"no part at all":                    {shown, "", "", 1<<20 + 64<<10},
		"an endless form that is no upload": {shown, "a=", "", 10<<20 + 64<<10},
	} {
		body := &probe.CountedBody{Reader: io.MultiReader(strings.NewReader(tt.begins), io.LimitReader(probe.Zeros{}, size))}
		kind := probe.UploadType
		if strings.HasPrefix(tt.begins, "a=") {
			kind = probe.FormType
		}
		res := tt.c.Visit(probe.Behind(csrf.Require), probe.Sends(kind, body), probe.Headers("X-CSRF-Token", tt.header))
		if res.StatusCode < 400 || probe.Text(t, res) == "inside" {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
		if body.Count > tt.most {
			t.Errorf("%s: %d bytes were read, want at most %d", name, body.Count, tt.most)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("%s: left on disk: %v, %v", name, files, err)
		}
	}
}

// What Require and ReturnTo have looked at is there for the handler to read.
func TestAnUploadReachesItsHandlerWhole(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	good := formToken(c)
	content := strings.Repeat("0123456789abcdef", 200<<10) // longer than what is looked at
	body := probe.Upload(probe.Part{Name: "a", Text: "1"}, probe.Part{Name: "csrf_token", Text: good}, probe.Part{Name: "return_to", Text: "/there"}, probe.Part{Name: "f", File: "f.txt", Text: content}, probe.Part{Name: "b", Text: "2"})
	read := map[string]func(r *http.Request) (fields, file string, err error){
		"parsed": func(r *http.Request) (string, string, error) {
			if err := r.ParseMultipartForm(64 << 20); err != nil {
				return "", "", err
			}
			f, _, err := r.FormFile("f")
			if err != nil {
				return "", "", err
			}
			b, err := io.ReadAll(f)
			return r.FormValue("a") + r.PostFormValue("b"), string(b), err
		},
		"by FormValue": func(r *http.Request) (string, string, error) {
			fields := r.FormValue("a") + r.PostFormValue("b")
			f, err := r.MultipartForm.File["f"][0].Open()
			if err != nil {
				return "", "", err
			}
			b, err := io.ReadAll(f)
			return fields, string(b), err
		},
		"part by part": func(r *http.Request) (fields, file string, err error) {
			parts, err := r.MultipartReader()
			for err == nil {
				var p *multipart.Part
				if p, err = parts.NextPart(); err != nil {
					break
				}
				b, _ := io.ReadAll(p)
				switch p.FormName() {
				case "a", "b":
					fields += string(b)
				case "f":
					file = string(b)
				}
			}
			if err == io.EOF {
				err = nil
			}
			return fields, file, err
		},
	}
	for name, f := range read {
		for _, limited := range []bool{false, true} {
			h := csrf.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := guard.ReturnTo(r, "/"); got != "/there" {
					t.Errorf("%s: leads to %q", name, got)
				}
				fields, file, err := f(r)
				if err != nil || fields != "12" || file != content {
					t.Errorf("%s: fields %q, %d bytes, %v", name, fields, len(file), err)
				}
				if got := guard.ReturnTo(r, "/"); name != "part by part" && got != "/there" {
					t.Errorf("%s: then leads to %q", name, got)
				}
			}))
			res := c.Visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
				if limited {
					http.MaxBytesHandler(h, 8<<20).ServeHTTP(w, r)
					return
				}
				h.ServeHTTP(w, r)
			}, probe.Sends(probe.UploadType, strings.NewReader(body)))
			if res.StatusCode != 200 {
				t.Errorf("%s: %d", name, res.StatusCode)
			}
		}
	}
}
