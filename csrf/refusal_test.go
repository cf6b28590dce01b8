package csrf_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store/memstore"
)

// cookies has a request carry these cookies.
func cookies(lines ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header["Cookie"] = lines }
}

// Each refusal has its reason, in the error and in one event.
func TestARefusedFormSaysWhy(t *testing.T) {
	var got error
	answer := func(w http.ResponseWriter, _ *http.Request, err error) { got = err }
	p := probe.New(t, session.Config{ErrorHandler: answer})
	shown := p.Client()
	good := formToken(shown)
	user := p.Client()
	old := formToken(user)
	user.Must(probe.Login(t, "u"))
	long := strings.Repeat("a=1&", 100)
	limit := func(n int64) func(*http.Request) {
		return func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, n) }
	}
	type edits = []func(*http.Request)
	for name, tt := range map[string]struct {
		c      *probe.Client
		edits  edits
		reason string
		status int
	}{
		"no token":                {shown, edits{probe.Sends(probe.FormType, strings.NewReader("a=1"))}, "there is none", 403},
		"a field left empty":      {shown, edits{probe.Sends(probe.FormType, strings.NewReader("csrf_token="))}, "there is none", 403},
		"JSON":                    {shown, edits{probe.Sends("application/json", strings.NewReader(`{"csrf_token":"`+good+`"}`))}, "there is none", 403},
		"no body":                 {shown, edits{func(r *http.Request) { r.Method = "DELETE" }}, "there is none", 403},
		"no cookie":               {p.Client(), edits{probe.Sends(probe.FormType, strings.NewReader("csrf_token="+good))}, "did not send its cookie", 403},
		"a bad cookie":            {p.Client(), edits{probe.Sends(probe.FormType, strings.NewReader("csrf_token="+good)), cookies(formCookieName + "=x")}, "did not set", 403},
		"another client's":        {user, edits{probe.Sends(probe.FormType, strings.NewReader("csrf_token="+good))}, "not made for this client", 403},
		"from before a sign-in":   {user, edits{probe.Sends(probe.FormType, strings.NewReader("csrf_token="+old))}, "from before a sign-in", 403},
		"too long":                {shown, edits{probe.Sends(probe.FormType, strings.NewReader(long)), limit(50)}, "too long", 413},
		"longer than any form":    {shown, edits{probe.Sends(probe.FormType, strings.NewReader(strings.Repeat("a", 11<<20)))}, "too long", 413},
		"an upload that is long":  {shown, edits{probe.Sends(probe.UploadType, strings.NewReader(probe.Upload(probe.Part{Name: "a", Text: long}))), limit(90)}, "too long", 413},
		"no form":                 {shown, edits{probe.Sends(probe.FormType, strings.NewReader("a=%zz"))}, "cannot be read", 400},
		"an upload that is none":  {shown, edits{probe.Sends(probe.UploadType, strings.NewReader("a=1"))}, "cannot be read", 400},
		"an upload that ends":     {shown, edits{probe.Sends(probe.UploadType, strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1"))}, "cannot be read", 400},
		"an upload of no kind":    {shown, edits{probe.Sends("multipart/form-data", strings.NewReader("a=1"))}, "cannot be read", 400},
		"a token behind a file":   {shown, edits{probe.Sends(probe.UploadType, strings.NewReader(probe.Upload(probe.Part{Name: "f", File: "f", Text: "x"}, probe.Part{Name: "csrf_token", Text: good})))}, "a file stands before it", 403},
		"a token too far behind":  {shown, edits{probe.Sends(probe.UploadType, strings.NewReader(probe.Upload(probe.Part{Name: "a", Text: strings.Repeat("x", 2<<20)}, probe.Part{Name: "csrf_token", Text: good})))}, "not in the first MiB", 403},
		"an upload without token": {shown, edits{probe.Sends(probe.UploadType, strings.NewReader(probe.Upload(probe.Part{Name: "a", Text: "1"})))}, "there is none", 403},
		"a file without a name":   {shown, edits{probe.Sends(probe.UploadType, strings.NewReader(probe.Upload(probe.Part{Name: "f", Text: ""}, probe.Part{Name: "csrf_token", Text: good})))}, "", 200},
		"a query that is none":    {shown, edits{probe.Sends(probe.FormType, strings.NewReader("csrf_token="+good)), func(r *http.Request) { r.URL.RawQuery = "a=%zz" }}, "", 200},
		"a form that was parsed":  {shown, edits{probe.Sends(probe.FormType, strings.NewReader("csrf_token="+good)), func(r *http.Request) { r.ParseForm() }}, "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			p.Saw()
			res := tt.c.Visit(probe.Behind(csrf.Require), tt.edits...)
			events := p.Saw()
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d", res.StatusCode, tt.status)
			}
			if tt.status == 200 {
				if got != nil || len(events) > 0 {
					t.Errorf("%v, %v", got, events)
				}
				return
			}
			if !errors.Is(got, csrf.ErrRefused) || !strings.Contains(got.Error(), tt.reason) || session.ErrorStatus(fmt.Errorf("wrapped: %w", got)) != tt.status {
				t.Errorf("the error is %q, want one with %q", got, tt.reason)
			}
			if errors.Is(got, csrf.ErrOldForm) != (tt.reason == "from before a sign-in") {
				t.Errorf("%q is of an old form: %v", got, errors.Is(got, csrf.ErrOldForm))
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

// An operator is told whose form it was. A visitor without a session has no ID yet.
func TestARefusedFormIsReportedWithItsSession(t *testing.T) {
	p := probe.New(t, session.Config{})
	refused := func(c *probe.Client) session.Event {
		p.Saw()
		accepts(c, "bad")
		events := p.Saw()
		if len(events) != 1 {
			t.Fatalf("the events are %v", events)
		}
		return events[0]
	}
	visitor, user := p.Client(), p.Client().Must(probe.Login(t, "u"))
	if e := refused(visitor); !e.ID.IsZero() || e.Subject != "" {
		t.Errorf("a visitor's is %v", e)
	}
	var id session.ID
	user.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { id = s.ID() })
	if e := refused(user); e.ID != id || e.Subject != "u" {
		t.Errorf("a user's is %v, want the session %v", e, id)
	}
	p.Saw()
	visitor.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("k", 1), s.Save(r.Context()))
		id = s.ID()
		csrf.Require(http.NotFoundHandler()).ServeHTTP(w, r)
	}, probe.Method("POST"))
	if events := p.Saw(); events[len(events)-1].Kind != session.EventForged || events[len(events)-1].ID != id {
		t.Errorf("in the request that began the session: %v", events)
	}
}

func TestARefusalIsForbidden(t *testing.T) {
	if got := session.ErrorStatus(csrf.ErrRefused); got != http.StatusForbidden {
		t.Errorf("status %d", got)
	}
}

// Whatever has ended the sign-in that a form was of, it is an old form to this
// client, and a forged one to all others.
func TestAnOldFormIsToldFromAForgedOne(t *testing.T) {
	var got error
	p := probe.New(t, session.Config{ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { got = err }})
	for name, f := range map[string]probe.Act{
		"login": probe.Login(t, "u"), "another user": probe.Login(t, "v"), "renew": probe.Renew(t), "logout": probe.Logout(t),
		"reauthenticate": probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(1) }),
	} {
		c := p.Client().Must(probe.Login(t, "u"))
		token := formToken(c)
		c.Must(f)
		mustAccept(c, name, token, false)
		if !errors.Is(got, csrf.ErrOldForm) {
			t.Errorf("%s: %v", name, got)
		}
		other := p.Client()
		formToken(other)
		mustAccept(other, name+", another client", token, false)
		if errors.Is(got, csrf.ErrOldForm) {
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
	body := &probe.CountedBody{Reader: strings.NewReader("a=1")}
	passed := false
	h := m.Handler(csrf.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		passed = body.Count == 0 && r.PostForm == nil
	})))
	r, _ := http.NewRequest("POST", "/", body)
	r.Header.Set("Content-Type", probe.FormType)
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
	p := probe.New(t, session.Config{})
	c := p.Client()
	formToken(c)
	const secret = "correct horse"
	for _, body := range []string{
		"--x\r\n" + secret + "\r\n\r\n", // a line of a header without a colon
		"--x\r\n " + secret + "\r\n\r\n",
		"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x " + secret + "\r\n",
		"--x\r\n" + strings.Repeat("long", 100<<10) + "\r\n\r\n",
	} {
		p.Saw()
		res := c.Visit(probe.Behind(csrf.Require), probe.Sends(probe.UploadType, strings.NewReader(body)))
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%.40q: status %d", body, res.StatusCode)
		}
		for _, e := range p.Saw() {
			if text := e.Err.Error(); strings.Contains(text, secret) || len(text) > 200 {
				t.Errorf("%.40q: %d bytes: %.200s", body, len(text), text)
			}
		}
	}
}
