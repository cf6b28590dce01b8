package session_test

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A countedBody is a request body that tells how much of it was read.
type countedBody struct {
	io.Reader
	read int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read += int64(n)
	return n, err
}

func (b *countedBody) Close() error { return nil }

// zeros are as many bytes as somebody likes to upload.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

const (
	formType   = "application/x-www-form-urlencoded"
	uploadType = "multipart/form-data; boundary=x"
)

// A part is one of a multipart form: a field, or a file where there is a name of one.
type part struct{ name, file, text string }

func upload(parts ...part) string {
	var body strings.Builder
	w := multipart.NewWriter(&body)
	w.SetBoundary("x")
	for _, p := range parts {
		var to io.Writer
		if p.file != "" {
			to, _ = w.CreateFormFile(p.name, p.file)
		} else {
			to, _ = w.CreateFormField(p.name)
		}
		io.WriteString(to, p.text)
	}
	w.Close()
	return body.String()
}

// sends makes a request one with a body.
func sends(kind string, body io.Reader) func(*http.Request) {
	return func(r *http.Request) {
		r.Method = "POST"
		r.Header.Set("Content-Type", kind)
		r.Body, r.ContentLength = io.NopCloser(body), -1
		if b, ok := body.(io.ReadCloser); ok {
			r.Body = b
		}
	}
}

// Each refusal has its reason, in the error and in one event.
func TestARefusedFormSaysWhy(t *testing.T) {
	var got error
	answer := func(w http.ResponseWriter, _ *http.Request, err error) { got = err }
	p := newProbe(t, session.Config{ErrorHandler: answer})
	shown := p.client()
	good := shown.formToken()
	user := p.client()
	old := user.formToken()
	user.must(login(t, "u"))
	long := strings.Repeat("a=1&", 100)
	limit := func(n int64) func(*http.Request) {
		return func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, n) }
	}
	type edits = []func(*http.Request)
	for name, tt := range map[string]struct {
		c      *client
		edits  edits
		reason string
		status int
	}{
		"no token":                {shown, edits{sends(formType, strings.NewReader("a=1"))}, "there is none", 403},
		"a field left empty":      {shown, edits{sends(formType, strings.NewReader("csrf_token="))}, "there is none", 403},
		"JSON":                    {shown, edits{sends("application/json", strings.NewReader(`{"csrf_token":"`+good+`"}`))}, "there is none", 403},
		"no body":                 {shown, edits{func(r *http.Request) { r.Method = "DELETE" }}, "there is none", 403},
		"no cookie":               {p.client(), edits{sends(formType, strings.NewReader("csrf_token="+good))}, "did not send its cookie", 403},
		"a bad cookie":            {p.client(), edits{sends(formType, strings.NewReader("csrf_token="+good)), cookies(formCookieName + "=x")}, "did not set", 403},
		"another client's":        {user, edits{sends(formType, strings.NewReader("csrf_token="+good))}, "not made for this client", 403},
		"from before a sign-in":   {user, edits{sends(formType, strings.NewReader("csrf_token="+old))}, "from before a sign-in", 403},
		"too long":                {shown, edits{sends(formType, strings.NewReader(long)), limit(50)}, "too long", 413},
		"longer than any form":    {shown, edits{sends(formType, strings.NewReader(strings.Repeat("a", 11<<20)))}, "too long", 413},
		"an upload that is long":  {shown, edits{sends(uploadType, strings.NewReader(upload(part{"a", "", long}))), limit(90)}, "too long", 413},
		"no form":                 {shown, edits{sends(formType, strings.NewReader("a=%zz"))}, "cannot be read", 400},
		"an upload that is none":  {shown, edits{sends(uploadType, strings.NewReader("a=1"))}, "cannot be read", 400},
		"an upload that ends":     {shown, edits{sends(uploadType, strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1"))}, "cannot be read", 400},
		"an upload of no kind":    {shown, edits{sends("multipart/form-data", strings.NewReader("a=1"))}, "cannot be read", 400},
		"a token behind a file":   {shown, edits{sends(uploadType, strings.NewReader(upload(part{"f", "f", "x"}, part{"csrf_token", "", good})))}, "a file stands before it", 403},
		"a token too far behind":  {shown, edits{sends(uploadType, strings.NewReader(upload(part{"a", "", strings.Repeat("x", 2<<20)}, part{"csrf_token", "", good})))}, "not in the first MiB", 403},
		"an upload without token": {shown, edits{sends(uploadType, strings.NewReader(upload(part{"a", "", "1"})))}, "there is none", 403},
		"a file without a name":   {shown, edits{sends(uploadType, strings.NewReader(upload(part{"f", "", ""}, part{"csrf_token", "", good})))}, "", 200},
		"a query that is none":    {shown, edits{sends(formType, strings.NewReader("csrf_token="+good)), func(r *http.Request) { r.URL.RawQuery = "a=%zz" }}, "", 200},
		"a form that was parsed":  {shown, edits{sends(formType, strings.NewReader("csrf_token="+good)), func(r *http.Request) { r.ParseForm() }}, "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			p.saw()
			res := tt.c.visit(behind(session.RequireCSRF), tt.edits...)
			events := p.saw()
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d", res.StatusCode, tt.status)
			}
			if tt.status == 200 {
				if got != nil || len(events) > 0 {
					t.Errorf("%v, %v", got, events)
				}
				return
			}
			if !errors.Is(got, session.ErrCSRF) || !strings.Contains(got.Error(), tt.reason) || session.ErrorStatus(fmt.Errorf("wrapped: %w", got)) != tt.status {
				t.Errorf("the error is %q, want one with %q", got, tt.reason)
			}
			if errors.Is(got, session.ErrOldForm) != (tt.reason == "from before a sign-in") {
				t.Errorf("%q is of an old form: %v", got, errors.Is(got, session.ErrOldForm))
			}
			var tooLong *http.MaxBytesError
			if errors.As(got, &tooLong) != (tt.status == 413) {
				t.Errorf("%q has a MaxBytesError: %v", got, tooLong)
			}
			if len(events) != 1 || events[0].Kind != session.EventForged || events[0].Err != got {
				t.Errorf("the events are %v", events)
			}
			if strings.Contains(got.Error(), good) || strings.Contains(got.Error(), old) {
				t.Errorf("the error shows a token: %q", got)
			}
		})
	}
}

// Whatever has ended the sign-in that a form was of, it is an old form to this
// client, and a forged one to all others.
func TestAnOldFormIsToldFromAForgedOne(t *testing.T) {
	var got error
	p := newProbe(t, session.Config{ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { got = err }})
	for name, f := range map[string]act{
		"login": login(t, "u"), "another user": login(t, "v"), "renew": renew(t), "logout": logout(t),
		"reauthenticate": succeed(t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(1) }),
	} {
		c := p.client().must(login(t, "u"))
		token := c.formToken()
		c.must(f)
		c.mustAccept(name, token, false)
		if !errors.Is(got, session.ErrOldForm) {
			t.Errorf("%s: %v", name, got)
		}
		other := p.client()
		other.formToken()
		other.mustAccept(name+", another client", token, false)
		if errors.Is(got, session.ErrOldForm) {
			t.Errorf("%s, another client: %v", name, got)
		}
	}
}

// With Config.Header another site cannot send the token: there is nothing to look for.
func TestWithAHeaderNoFormIsRead(t *testing.T) {
	m, err := session.NewManager(memstore.New(), session.Config{Header: "Authorization"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	body := &countedBody{Reader: strings.NewReader("a=1")}
	passed := false
	h := m.Handler(session.RequireCSRF(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		passed = body.read == 0 && r.PostForm == nil
	})))
	r, _ := http.NewRequest("POST", "/", body)
	r.Header.Set("Content-Type", formType)
	h.ServeHTTP(discardAnswer{http.Header{}}, r)
	if !passed {
		t.Error("it was refused, or its body was read")
	}
}

// discardAnswer is a ResponseWriter whose answer nobody reads.
type discardAnswer struct{ h http.Header }

func (d discardAnswer) Header() http.Header         { return d.h }
func (d discardAnswer) Write(p []byte) (int, error) { return len(p), nil }
func (d discardAnswer) WriteHeader(int)             {}

// What is sent in a body may be a password, and any length: it is nothing for logs.
func TestARefusedFormIsNotCited(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	c.formToken()
	const secret = "correct horse"
	for _, body := range []string{
		"--x\r\n" + secret + "\r\n\r\n", // a line of a header without a colon
		"--x\r\n " + secret + "\r\n\r\n",
		"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x " + secret + "\r\n",
		"--x\r\n" + strings.Repeat("long", 100<<10) + "\r\n\r\n",
	} {
		p.saw()
		res := c.visit(behind(session.RequireCSRF), sends(uploadType, strings.NewReader(body)))
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%.40q: status %d", body, res.StatusCode)
		}
		for _, e := range p.saw() {
			if text := e.Err.Error(); strings.Contains(text, secret) || len(text) > 200 {
				t.Errorf("%.40q: %d bytes: %.200s", body, len(text), text)
			}
		}
	}
}
