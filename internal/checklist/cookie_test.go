package checklist

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestSecurity_CK1_TheDefaultsAreTheSafeOnes(t *testing.T) {
	res := probe.New(t, session.Config{}).Client().Visit(probe.Set(t, "k", 1))
	line := res.Header.Get("Set-Cookie")
	_, attributes, _ := strings.Cut(line, "; ")
	if want := "Path=/; HttpOnly; Secure; SameSite=Lax"; attributes != want || !strings.HasPrefix(line, "__Host-id=") {
		t.Errorf("the cookie is %q, want __Host-id with %q", line, want)
	}
}

func TestSecurity_CK1_ContradictionsAreErrors(t *testing.T) {
	const none, strict = http.SameSiteNoneMode, http.SameSiteStrictMode
	for name, tt := range map[string]struct {
		cookie session.Cookie
		wants  []string // in the error, none for a good one
	}{
		"zero":                          {},
		"strict":                        {session.Cookie{SameSite: strict}, nil},
		"none":                          {session.Cookie{SameSite: none}, nil},
		"partitioned":                   {session.Cookie{SameSite: none, Partitioned: true}, nil},
		"insecure":                      {session.Cookie{Insecure: true}, nil},
		"domain":                        {session.Cookie{Domain: "app.test"}, nil},
		"path":                          {session.Cookie{Path: "/app"}, nil},
		"secure prefix":                 {session.Cookie{Name: "__Secure-id", Domain: "app.test", Path: "/app"}, nil},
		"host prefix, domain":           {session.Cookie{Name: "__Host-id", Domain: "app.test"}, []string{"Domain"}},
		"host prefix, path":             {session.Cookie{Name: "__Host-id", Path: "/app"}, []string{"Path"}},
		"host prefix, insecure":         {session.Cookie{Name: "__Host-id", Insecure: true}, []string{"Insecure"}},
		"host prefix, all of it":        {session.Cookie{Name: "__Host-id", Domain: "app.test", Path: "/app", Insecure: true}, []string{"Domain", "Path", "Insecure"}},
		"host prefix in lower case":     {session.Cookie{Name: "__host-id"}, []string{"__Host-"}},
		"host prefix in lower case too": {session.Cookie{Name: "__host-id", Domain: "app.test"}, []string{"__Host-", "Domain"}},
		"secure prefix, insecure":       {session.Cookie{Name: "__Secure-id", Insecure: true}, []string{"Insecure"}},
		"secure prefix in upper case":   {session.Cookie{Name: "__SECURE-id"}, []string{"__Secure-"}},
		"http prefix":                   {session.Cookie{Name: "__Http-id", Domain: "app.test", Path: "/app"}, nil},
		"http prefix, insecure":         {session.Cookie{Name: "__Http-id", Insecure: true}, []string{"Insecure"}},
		"http prefix in lower case":     {session.Cookie{Name: "__http-id"}, []string{"__Http-"}},
		"host-http prefix":              {session.Cookie{Name: "__Host-Http-id"}, nil},
		"host-http prefix, all of it":   {session.Cookie{Name: "__Host-Http-id", Domain: "app.test", Path: "/app", Insecure: true}, []string{"Domain", "Path", "Insecure"}},
		"host-http prefix, lower case":  {session.Cookie{Name: "__Host-http-id"}, []string{"__Host-Http-"}},
		"none, insecure":                {session.Cookie{SameSite: none, Insecure: true}, []string{"SameSite"}},
		"partitioned, lax":              {session.Cookie{Partitioned: true}, []string{"Partitioned"}},
		"partitioned, insecure":         {session.Cookie{SameSite: none, Partitioned: true, Insecure: true}, []string{"SameSite", "Partitioned"}},
		"same site of no kind":          {session.Cookie{SameSite: 77}, []string{"SameSite"}},
		"same site left to the browser": {session.Cookie{SameSite: http.SameSiteDefaultMode}, []string{"SameSite"}},
		"name with a space":             {session.Cookie{Name: "a b"}, []string{`Cookie.Name is "a b"`}},
		"name with =":                   {session.Cookie{Name: "a=b"}, []string{"Name"}},
		"name with ;":                   {session.Cookie{Name: "a;b"}, []string{"Name"}},
		"name with a line break":        {session.Cookie{Name: "a\r\nSet-Cookie: b"}, []string{"Name"}},
		"name too long":                 {session.Cookie{Name: strings.Repeat("n", 4096)}, []string{"Cookie.Name", "nnnn", "too long"}},
		"domain that is none":           {session.Cookie{Domain: "app test"}, []string{`Cookie.Domain is "app test"`}},
		"domain with ;":                 {session.Cookie{Domain: "app.test; Secure"}, []string{`Cookie.Domain is "app.test; Secure"`}},
		"domain with a port":            {session.Cookie{Domain: "app.test:8080"}, []string{`Cookie.Domain is "app.test:8080"`}},
		"domain with a dot before":      {session.Cookie{Domain: ".app.test"}, nil},
		"domain with two before":        {session.Cookie{Domain: "..app.test"}, []string{"Cookie.Domain is"}},
		"domain that is a dot":          {session.Cookie{Domain: "."}, []string{"Cookie.Domain is"}},
		"domain with a dot behind":      {session.Cookie{Domain: "app.test."}, []string{`Cookie.Domain is "app.test."`, "dot"}},
		"domain of one label":           {session.Cookie{Domain: "test"}, []string{`Cookie.Domain is "test"`, "one label"}},
		"localhost":                     {session.Cookie{Domain: "localhost"}, []string{`Cookie.Domain is "localhost"`, "one label"}},
		"a label and a dot before":      {session.Cookie{Domain: ".test"}, []string{`Cookie.Domain is ".test"`, "one label"}},
		"an address":                    {session.Cookie{Domain: "192.168.1.5"}, []string{`Cookie.Domain is "192.168.1.5"`, "address"}},
		"an address of IPv6":            {session.Cookie{Domain: "fe80::1"}, []string{`Cookie.Domain is "fe80::1"`, "address"}},
		"... in brackets":               {session.Cookie{Domain: "[fe80::1]"}, []string{`Cookie.Domain is "[fe80::1]"`, "address"}},
		"domain that ends in a number":  {session.Cookie{Domain: "app.1"}, []string{`Cookie.Domain is "app.1"`}},
		"domain beyond ASCII":           {session.Cookie{Domain: "büro.test"}, []string{`Cookie.Domain is "büro.test"`, "xn--"}},
		"domain in Punycode":            {session.Cookie{Domain: "xn--bro-hoa.test"}, nil},
		"label too long":                {session.Cookie{Domain: strings.Repeat("a", 64) + ".test"}, []string{"Cookie.Domain is"}},
		"longest label":                 {session.Cookie{Domain: strings.Repeat("a", 63) + ".test"}, nil},
		"domain too long":               {session.Cookie{Domain: strings.Repeat("a.", 125) + "test"}, []string{"Cookie.Domain is"}},
		"label with a hyphen before":    {session.Cookie{Domain: "-app.test"}, []string{"Cookie.Domain is"}},
		"label with a hyphen behind":    {session.Cookie{Domain: "app-.test"}, []string{"Cookie.Domain is"}},
		"label that is empty":           {session.Cookie{Domain: "app..test"}, []string{"Cookie.Domain is"}},
		"path with ;":                   {session.Cookie{Path: "/a;b"}, []string{`Cookie.Path is "/a;b"`}},
		"path with a query":             {session.Cookie{Path: "/a?b"}, []string{`Cookie.Path is "/a?b"`}},
		"path with a fragment":          {session.Cookie{Path: "/a#b"}, []string{`Cookie.Path is "/a#b"`}},
		"path with a space":             {session.Cookie{Path: "/a b"}, []string{`Cookie.Path is "/a b"`, "%20"}},
		"path beyond ASCII":             {session.Cookie{Path: "/ä"}, []string{`Cookie.Path is "/ä"`}},
		"path with a line break":        {session.Cookie{Path: "/a\n"}, []string{`Cookie.Path is "/a\n"`}},
		"path with .. in it":            {session.Cookie{Path: "/a/../b"}, []string{`Cookie.Path is "/a/../b"`}},
		"path that ends in .":           {session.Cookie{Path: "/a/."}, []string{`Cookie.Path is "/a/."`}},
		"path with .. in another form":  {session.Cookie{Path: "/a/%2E./b"}, []string{"Cookie.Path is"}},
		"path with dots":                {session.Cookie{Path: "/.well-known/a..b/..."}, nil},
		"path with an encoded space":    {session.Cookie{Path: "/a%20b/"}, nil},
		"path that is relative":         {session.Cookie{Path: "app"}, []string{`Cookie.Path is "app"`}},
		"path too long":                 {session.Cookie{Path: "/" + strings.Repeat("p", 1024)}, []string{"Cookie.Path", "too long"}},
		"longest path":                  {session.Cookie{Path: "/" + strings.Repeat("p", 1023)}, nil},
		"everything at once": {session.Cookie{Name: "a b", Domain: "test", Path: "x", SameSite: 77},
			[]string{`Cookie.Name is "a b"`, `Cookie.Domain is "test"`, `Cookie.Path is "x"`, "Cookie.SameSite is 77"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := session.NewManager(probe.NewTap(), session.Config{Cookie: tt.cookie})
			if err == nil {
				defer m.Close()
			}
			if (err != nil) != (len(tt.wants) > 0) {
				t.Fatalf("the error is %v, want one about %q", err, tt.wants)
			}
			for _, want := range tt.wants {
				if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
					t.Errorf("the error is %q, want one about %s", err, want)
				}
			}
			if err == nil { // then browsers take it, and so does http.SetCookie
				line := probe.Over(t, probe.NewTap(), session.Config{Cookie: tt.cookie}).Client().Visit(probe.Set(t, "k", 1)).Header.Get("Set-Cookie")
				if ck, err := http.ParseSetCookie(line); err != nil || ck.Valid() != nil || !ck.HttpOnly {
					t.Errorf("the cookie is %q, %v", line, err)
				}
			}
		})
	}
}

func TestSecurity_CK3_PartitionedIsOnTheDeletionToo(t *testing.T) {
	p := probe.New(t, session.Config{Cookie: session.Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}})
	c := p.Client()
	for name, f := range map[string]probe.Act{"set": probe.Set(t, "k", 1), "clear": nil} {
		if f == nil {
			c.Must(probe.Set(t, "k", 1))
			f = probe.Logout(t)
		}
		line := c.Visit(f).Header.Get("Set-Cookie")
		if !strings.HasSuffix(line, "; Secure; SameSite=None; Partitioned") {
			t.Errorf("%s: the cookie is %q", name, line)
		}
	}
}

func TestSecurity_LC7_TheDeletionNamesTheSameCookie(t *testing.T) {
	for _, cookie := range []session.Cookie{
		{},
		{Domain: "app.test"},
		{Path: "/app", SameSite: http.SameSiteStrictMode},
		{SameSite: http.SameSiteNoneMode, Partitioned: true},
		{Insecure: true},
		{Persistent: true},
	} {
		p := probe.New(t, session.Config{Cookie: cookie})
		c := p.Client()
		c.URL.Path = "/app"
		identity := func(res *http.Response) string {
			found := res.Cookies()
			if len(found) != 1 {
				t.Fatalf("%+v: the cookies are %v", cookie, found)
			}
			ck := found[0]
			return fmt.Sprint(ck.Name, ck.Domain, ck.Path, ck.Secure, ck.HttpOnly, ck.SameSite, ck.Partitioned)
		}
		put := identity(c.Visit(probe.Login(t, "u")))
		if n := len(c.Jar.Cookies(c.URL)); n != 1 {
			t.Fatalf("%+v: the jar holds %d cookies after login", cookie, n)
		}
		res := c.Visit(probe.Logout(t))
		if gone := identity(res); gone != put {
			t.Errorf("%+v: %q was set and %q cleared", cookie, put, gone)
		}
		if ck := res.Cookies()[0]; ck.MaxAge >= 0 || ck.Value != "" {
			t.Errorf("%+v: the cookie is cleared by %q", cookie, ck.Raw)
		}
		if n := len(c.Jar.Cookies(c.URL)); n != 0 {
			t.Errorf("%+v: the jar holds %d cookies after logout", cookie, n)
		}
	}
}

// A step is one thing that a handler does, and what it makes of a session.
type step struct {
	name string
	do   func(w http.ResponseWriter, r *http.Request, s *session.Session) error
	then func(m *model)
}

// A model is what a session is expected to be.
type model struct {
	subject string
	value   bool
	saved   bool // there is a record of it
}

// exists tells whether the session outlives the request.
func (m *model) exists() bool { return m.saved || m.subject != "" || m.value }

var steps = []step{
	{"set", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) error { return s.Set("k", 1) },
		func(m *model) { m.value = true }},
	{"login", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) error { return s.Login("u") },
		func(m *model) { m.subject = "u" }},
	{"renew", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) error { return s.Renew() },
		func(*model) {}},
	{"destroy", func(_ http.ResponseWriter, r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) },
		func(m *model) { *m = model{} }},
	{"save", func(_ http.ResponseWriter, r *http.Request, s *session.Session) error { return s.Save(r.Context()) },
		func(m *model) { m.saved = m.exists() }},
	{"start", nil, func(m *model) { m.saved = true }},
}

func TestSecurity_CK6_OneCookieAndTheLastStateWins(t *testing.T) {
	p := probe.New(t, session.Config{GCInterval: -time.Second})
	var try func(sequence []step, depth int)
	try = func(sequence []step, depth int) {
		for _, from := range []string{"nobody", "somebody"} {
			c, m := p.Client(), model{}
			if from == "somebody" {
				c.Must(probe.Login(t, "u"))
				m = model{subject: "u", saved: true}
			}
			name := from
			c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				for _, st := range sequence {
					name += " " + st.name
					var err error
					if st.do == nil {
						_, err = p.M.Start(w, r)
					} else {
						err = st.do(w, r, s)
					}
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					st.then(&m)
				}
			}) // which checks that there is at most one
			if got := c.Token() != ""; got != m.exists() {
				t.Errorf("%s: that the client holds a token is %v, want %v", name, got, m.exists())
			}
			want := "<" + m.subject + ">"
			if m.value {
				want += " k=1"
			}
			p.Saw()
			if got := c.State(); got != want {
				t.Errorf("%s: the session is %q, want %q", name, got, want)
			}
			if got := p.Heard(); got != "" {
				t.Errorf("%s: the client's token makes the events %q", name, got)
			}
		}
		if depth == 0 {
			return
		}
		for _, st := range steps {
			try(append(sequence[:len(sequence):len(sequence)], st), depth-1)
		}
	}
	try(nil, 4)
}

func TestSecurity_CK6_WhatWasSavedIsToldWithTheErrorAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		before []probe.Act // of requests before
		saved  []probe.Act // before the commit that fails
		state  string
	}{
		"nothing":                   {[]probe.Act{probe.Login(t, "u")}, nil, "<u>"},
		"nobody":                    {nil, nil, probe.Anonymous},
		"a visitor":                 {nil, []probe.Act{probe.Saved(t, probe.Set(t, "a", 1))}, "<> a=1"},
		"a sign-in":                 {nil, []probe.Act{probe.Saved(t, probe.Login(t, "u"))}, "<u>"},
		"a visitor's sign-in":       {[]probe.Act{probe.Set(t, "a", 1)}, []probe.Act{probe.Saved(t, probe.Login(t, "u"))}, "<u> a=1"},
		"a renewal":                 {[]probe.Act{probe.Login(t, "u")}, []probe.Act{probe.Saved(t, probe.Renew(t))}, "<u>"},
		"two of them":               {[]probe.Act{probe.Login(t, "u")}, []probe.Act{probe.Saved(t, probe.Renew(t)), probe.Saved(t, probe.Renew(t))}, "<u>"},
		"a change":                  {[]probe.Act{probe.Login(t, "u")}, []probe.Act{probe.Saved(t, probe.Set(t, "a", 1))}, "<u> a=1"},
		"a sign-out":                {[]probe.Act{probe.Login(t, "u")}, []probe.Act{probe.Logout(t)}, probe.Anonymous},
		"a renewal and a sign-out":  {[]probe.Act{probe.Login(t, "u")}, []probe.Act{probe.Saved(t, probe.Renew(t)), probe.Logout(t)}, probe.Anonymous},
		"a visitor and a sign-out":  {nil, []probe.Act{probe.Saved(t, probe.Set(t, "a", 1)), probe.Logout(t)}, probe.Anonymous},
		"a sign-out and a visitor":  {[]probe.Act{probe.Login(t, "u")}, []probe.Act{probe.Logout(t), probe.Saved(t, probe.Set(t, "a", 1))}, "<> a=1"},
		"a sign-out and a sign-in":  {[]probe.Act{probe.Login(t, "u")}, []probe.Act{probe.Logout(t), probe.Saved(t, probe.Login(t, "v"))}, "<v>"},
		"another subject's sign-in": {[]probe.Act{probe.Login(t, "u")}, []probe.Act{probe.Saved(t, probe.Login(t, "v"))}, "<v>"},
	} {
		for how, fail := range map[string]probe.Act{
			"a value": probe.Set(t, "lost", 1), "a renewal": probe.Renew(t), "a sign-in": probe.Login(t, "lost"),
			"a sign-out and a value": func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				s.Set("lost", 1)
				s.Discard()
				s.Set("lost", 2)
			},
		} {
			nothing := how == "a renewal" && tt.state == probe.Anonymous // to renew
			// The sign-in of another subject ends the session first, or may have.
			ended := how == "a sign-in" && !strings.HasPrefix(tt.state, probe.Anonymous)
			if nothing || ended {
				continue
			}
			t.Run(name+", then "+how, func(t *testing.T) {
				p := probe.New(t, session.Config{})
				c := p.Client()
				for _, f := range tt.before {
					c.Must(f)
				}
				res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					http.SetCookie(w, &http.Cookie{Name: probe.CookieName, Value: "by hand"})
					http.SetCookie(w, &http.Cookie{Name: "handler", Value: "1"})
					for _, f := range tt.saved {
						f(w, r, s)
					}
					p.Tap.Put(func(context.Context, string, func() error) error { return probe.ErrDown })
					fail(w, r, s)
					io.WriteString(w, "page")
				})
				p.Tap.Put(nil)
				if res.StatusCode != 503 || strings.Contains(fmt.Sprint(res.Cookies()), "hand") {
					t.Errorf("%d %q", res.StatusCode, res.Header["Set-Cookie"])
				}
				c.Wants(tt.state)
			})
		}
	}
}
