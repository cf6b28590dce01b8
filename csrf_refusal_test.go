package session_test

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
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

func TestARefusedUploadCostsNoDiskAndNextToNoReading(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	p := newProbe(t, session.Config{})
	shown, stranger := p.client(), p.client()
	good := shown.formToken()
	const size = 48 << 20
	field := func(name, text string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + text + "\r\n"
	}
	const file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
	for name, tt := range map[string]struct {
		c      *client
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
		body := &countedBody{Reader: io.MultiReader(strings.NewReader(tt.begins), io.LimitReader(zeros{}, size))}
		kind := uploadType
		if strings.HasPrefix(tt.begins, "a=") {
			kind = formType
		}
		res := tt.c.visit(behind(session.RequireCSRF), sends(kind, body), headers("X-CSRF-Token", tt.header))
		if res.StatusCode < 400 || text(t, res) == "inside" {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
		if body.read > tt.most {
			t.Errorf("%s: %d bytes were read, want at most %d", name, body.read, tt.most)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("%s: left on disk: %v, %v", name, files, err)
		}
	}
}

func TestReturnToCostsNoDiskAndNextToNoReading(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	const begins = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
	body := &countedBody{Reader: io.MultiReader(strings.NewReader(begins), io.LimitReader(zeros{}, 48<<20))}
	r, _ := http.NewRequest("POST", "/signin?return_to=/there", body)
	r.Header.Set("Content-Type", uploadType)
	if got := session.ReturnTo(r, "/"); got != "/there" || body.read > 64<<10 {
		t.Errorf("leads to %q; %d bytes were read", got, body.read)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("left on disk: %v, %v", files, err)
	}
}

// What RequireCSRF and ReturnTo have looked at is there for the handler to read.
func TestAnUploadReachesItsHandlerWhole(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	good := c.formToken()
	content := strings.Repeat("0123456789abcdef", 200<<10) // longer than what is looked at
	body := upload(part{"a", "", "1"}, part{"csrf_token", "", good}, part{"return_to", "", "/there"}, part{"f", "f.txt", content}, part{"b", "", "2"})
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
			h := session.RequireCSRF(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := session.ReturnTo(r, "/"); got != "/there" {
					t.Errorf("%s: leads to %q", name, got)
				}
				fields, file, err := f(r)
				if err != nil || fields != "12" || file != content {
					t.Errorf("%s: fields %q, %d bytes, %v", name, fields, len(file), err)
				}
				if got := session.ReturnTo(r, "/"); name != "part by part" && got != "/there" {
					t.Errorf("%s: then leads to %q", name, got)
				}
			}))
			res := c.visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
				if limited {
					http.MaxBytesHandler(h, 8<<20).ServeHTTP(w, r)
					return
				}
				h.ServeHTTP(w, r)
			}, sends(uploadType, strings.NewReader(body)))
			if res.StatusCode != 200 {
				t.Errorf("%s: %d", name, res.StatusCode)
			}
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

// A neighbour, on a sibling host or under another path, can plant cookies beside
// the client's own, in any order. Up to two of them stop no form.
func TestAFormOutlivesCookiesThatANeighbourPlants(t *testing.T) {
	p := newProbe(t, session.Config{Cookie: session.Cookie{Name: "id"}})
	c := p.client()
	token := c.formToken()
	own := "id-csrf=" + c.cookie("id-csrf")
	plant := func(ch string) string { return "id-csrf=" + strings.Repeat(ch, 43) }
	foreign := p.client()
	foreignToken := foreign.formToken()
	foreignCookie := "id-csrf=" + foreign.cookie("id-csrf")
	for name, tt := range map[string]struct {
		cookies []string
		token   string
		want    bool
	}{
		"behind":                 {[]string{own + "; " + plant("A")}, token, true},
		"before":                 {[]string{plant("A") + "; " + own}, token, true},
		"two lines":              {[]string{plant("A"), own}, token, true},
		"around":                 {[]string{plant("A") + "; " + own, plant("Q")}, token, true},
		"garbage":                {[]string{"id-csrf=x; " + own}, token, true},
		"the same twice":         {[]string{own + "; " + own}, token, true},
		"three":                  {[]string{plant("A") + "; " + plant("Q"), plant("g") + "; " + own}, token, false},
		"without one's own":      {[]string{plant("A") + "; " + plant("Q")}, token, false},
		"another client's token": {[]string{own + "; " + plant("A")}, foreignToken, false},
		"another client's own":   {[]string{foreignCookie + "; " + plant("A")}, foreignToken, true},
	} {
		p.saw()
		if got := c.accepts(tt.token, func(r *http.Request) { r.Header["Cookie"] = tt.cookies }); got != tt.want {
			t.Errorf("%s: accepted: %v, want %v", name, got, tt.want)
		}
		events := p.saw()
		switch {
		case tt.want && len(events) > 0, !tt.want && len(events) != 1:
			t.Errorf("%s: the events are %v", name, events)
		case name == "three" && (events[0].Kind != session.EventDuplicate || !strings.Contains(events[0].Err.Error(), "several cookies")):
			t.Errorf("%s: the event is %v", name, events[0])
		}
		// A form that is shown to such a client is good, whichever cookie it is made of.
		if name == "three" {
			continue
		}
		var fresh string
		c.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { fresh, _ = s.CSRFToken() }, func(r *http.Request) { r.Header["Cookie"] = tt.cookies })
		for _, order := range []func([]string){func([]string) {}, slices.Reverse[[]string]} {
			sent := slices.Clone(tt.cookies)
			order(sent)
			if !c.accepts(fresh, func(r *http.Request) { r.Header["Cookie"] = sent }) {
				t.Errorf("%s: its form is refused", name)
			}
		}
	}
}

// With the prefix __Host- browsers send one such cookie: two are no browser's.
func TestTwoCookiesWithTheHostPrefixAreRefused(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	token := c.formToken()
	p.saw()
	if c.accepts(token, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: formCookieName, Value: strings.Repeat("A", 43)}) }) {
		t.Error("it was accepted")
	}
	if events := p.saw(); len(events) != 1 || events[0].Kind != session.EventDuplicate || !errors.Is(events[0].Err, session.ErrCSRF) {
		t.Errorf("the events are %v", events)
	}
}

// A sibling host plants the cookie of a form that it was shown itself, and sends
// the form, say that of its own sign-in, in the victim's name. The victim is
// anonymous, with a session of their own, as one with a cart.
func TestSecurity_CS3_AnAnonymousVictimSendsNoPlantedForm(t *testing.T) {
	p := newProbe(t, session.Config{Cookie: session.Cookie{Name: "id"}})
	attacker := p.client()
	token := attacker.formToken()
	planted := &http.Cookie{Name: "id-csrf", Value: attacker.cookie("id-csrf")}
	victims := map[string]*client{
		"whose session came first": p.client().must(set(t, "cart", 1)),
		"who was shown a form":     p.client(),
	}
	before := victims["who was shown a form"].formToken()
	victims["who was shown a form"].must(set(t, "cart", 1))
	for name, victim := range victims {
		for where, plant := range map[string]func(r *http.Request){
			"beside": func(r *http.Request) { r.AddCookie(planted) },
			"before": func(r *http.Request) {
				r.Header.Set("Cookie", planted.Name+"="+planted.Value+"; "+r.Header.Get("Cookie"))
			},
			"in place of the own": func(r *http.Request) {
				r.Header.Set("Cookie", "id="+victim.cookie("id")+"; "+planted.Name+"="+planted.Value)
			},
		} {
			if victim.accepts(token, plant) {
				t.Errorf("a victim %s, planted %s: the attacker's form is accepted", name, where)
			}
		}
		victim.wants("<> cart=1")
		victim.mustAccept("its own form", victim.formToken(), true)
	}
	victims["who was shown a form"].mustAccept("the form of before the session", before, true)
}

// A form that is shown in the very response that begins the session is good.
func TestAFormOfTheFirstResponse(t *testing.T) {
	p := newProbe(t, session.Config{})
	save := func(r *http.Request, s *session.Session) { must(t, s.Save(r.Context())) }
	for name, order := range map[string][]string{
		"then the session": {"form", "set"}, "after it": {"set", "form"}, "after it is saved": {"set", "save", "form"}, "before it is saved": {"form", "set", "save"},
	} {
		c := p.client()
		var token string
		c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			for _, step := range order {
				switch step {
				case "form":
					token, _ = s.CSRFToken()
				case "set":
					must(t, s.Set("k", 1))
				case "save":
					save(r, s)
				}
			}
		})
		c.mustAccept(name, token, true)
		c.must(set(t, "k", 2))
		c.mustAccept(name+", later", token, true)
		c.wants("<> k=2")
	}
}

// Where the session outlives the browser, the forms of tabs that it restores do too.
func TestAFormOutlivesTheBrowserWhereTheSessionDoes(t *testing.T) {
	remember := func(s *session.Session) error {
		return s.SetLifetime(session.Lifetime{Persistent: true})
	}
	in := succeed(t, func(_ *http.Request, s *session.Session) error { return s.Login("u") })
	inFor := succeed(t, func(_ *http.Request, s *session.Session) error { return errors.Join(s.Login("u"), remember(s)) })
	for name, tt := range map[string]struct {
		cfg   session.Config
		steps []act // nil shows a form
		want  bool
	}{
		"all cookies, form first": {session.Config{Cookie: session.Cookie{Persistent: true}}, []act{nil, in, nil}, true},
		"all cookies, form last":  {session.Config{Cookie: session.Cookie{Persistent: true}}, []act{in, nil}, true},
		"a visitor":               {session.Config{Cookie: session.Cookie{Persistent: true}}, []act{nil}, true},
		"remembered, form first":  {session.Config{}, []act{nil, inFor, nil}, true},
		"remembered, form last":   {session.Config{}, []act{inFor, nil}, true},
		"not remembered":          {session.Config{}, []act{nil, in, nil}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, tt.cfg)
			c, kept := p.client(), map[string]*http.Cookie{}
			var token string
			form := act(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { token, _ = s.CSRFToken() })
			for _, step := range tt.steps {
				if step == nil {
					step = form
				}
				for _, ck := range c.visit(step).Cookies() {
					kept[ck.Name] = ck
				}
			}
			ages := map[int]bool{}
			restarted := p.client()
			for _, ck := range kept {
				if ck.MaxAge > 0 {
					ages[ck.MaxAge] = true
					restarted.jar.SetCookies(c.url, []*http.Cookie{ck})
				}
			}
			restarted.mustAccept("after the browser was closed", token, tt.want)
			if len(ages) > 1 {
				t.Errorf("the cookies have the ages %v", ages)
			}
		})
	}
}

// Run with the race detector: VerifyCSRF reads what a sign-in changes.
func TestATokenIsVerifiedBesideASignIn(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	token := c.formToken()
	c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 200 {
				s.VerifyCSRF(token)
			}
		}()
		for i := range 50 {
			must(t, s.Set("k", i), s.Login("u"))
		}
		<-done
	})
}
