package token

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// lost returns what was reported of cookies that do not come back, since Saw was
// last called.
func lost(p *probe.Probe) []string {
	var texts []string
	for _, e := range p.Saw() {
		if e.Kind == session.EventCookieLost {
			texts = append(texts, e.Err.Error())
		}
	}
	return texts
}

// host makes a request one to another host.
func host(name string) func(*http.Request) {
	return func(r *http.Request) { r.Host = name }
}

func TestASecureCookieOverPlainHTTPIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		cfg    session.Config
		host   string
		header []string
		want   bool
	}{
		"a form of a page without TLS":             {host: "devbox", header: []string{"Origin", "http://devbox"}, want: true},
		"a link on a page without TLS":             {host: "devbox:8080", header: []string{"Referer", "http://devbox:8080/page?x"}, want: true},
		"a page on another port":                   {host: "devbox:8080", header: []string{"Referer", "http://devbox:3000/"}, want: true},
		"an address":                               {host: "192.168.1.5:8080", header: []string{"Origin", "http://192.168.1.5:8080"}, want: true},
		"an address of IPv6":                       {host: "[fe80::1]:8080", header: []string{"Origin", "http://[fe80::1]:8080"}, want: true},
		"in any case":                              {host: "DevBox", header: []string{"Origin", "HTTP://devbox"}, want: true},
		"a sandboxed form":                         {host: "devbox", header: []string{"Origin", "null", "Referer", "http://devbox/"}, want: true},
		"a host whose name only begins like that":  {host: "localhost.test", header: []string{"Origin", "http://localhost.test"}, want: true},
		"nothing says so":                          {host: "devbox"},
		"TLS":                                      {host: "devbox", header: []string{"Origin", "https://devbox"}},
		"TLS, ended by a proxy, from a plain page": {host: "devbox", header: []string{"Referer", "http://devbox/", "Sec-Fetch-Site", "cross-site"}},
		"another site":                             {host: "devbox", header: []string{"Origin", "http://other.test", "Referer", "http://other.test/"}},
		"localhost":                                {host: "localhost:8080", header: []string{"Origin", "http://localhost:8080"}},
		"a name below localhost":                   {host: "app.localhost", header: []string{"Origin", "http://app.localhost"}},
		"the loopback address":                     {host: "127.0.0.1:8080", header: []string{"Origin", "http://127.0.0.1:8080"}},
		"the loopback address of IPv6":             {host: "[::1]:8080", header: []string{"Origin", "http://[::1]:8080"}},
		"no URL":                                   {host: "devbox", header: []string{"Origin", "http://[devbox", "Referer", "http:devbox"}},
		"a cookie without Secure":                  {cfg: session.Config{Cookie: session.Cookie{Insecure: true}}, host: "devbox", header: []string{"Origin", "http://devbox"}},
		"no cookie":                                {cfg: session.Config{Header: "Authorization"}, host: "devbox", header: []string{"Origin", "http://devbox"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, c.cfg)
			p.Client().Visit(probe.Show, host(c.host), probe.Headers(c.header...))
			if got := lost(p); len(got) != 0 {
				t.Errorf("reading is reported: %q", got)
			}
			for _, do := range []probe.Act{probe.Set(t, "k", 1), probe.Login(t, "u")} {
				p.Client().Visit(do, host(c.host), probe.Headers(c.header...))
			}
			got := lost(p)
			if !c.want {
				if len(got) != 0 {
					t.Errorf("%q is reported", got)
				}
				return
			}
			if len(got) != 1 {
				t.Fatalf("%d reports, want one for the host: %q", len(got), got)
			}
			for _, says := range []string{strings.ToLower(c.host), "Secure", "https", "Config.Cookie.Insecure"} {
				if !strings.Contains(got[0], says) {
					t.Errorf("the report %q does not name %s", got[0], says)
				}
			}
		})
	}
}

// Anybody can make up hosts: their number is bounded, and so are the lines.
func TestHostsThatAreReportedAreBounded(t *testing.T) {
	p := probe.New(t, session.Config{})
	var wg sync.WaitGroup
	for i := range 40 {
		name := fmt.Sprintf("host%d.test", i)
		for range 2 {
			wg.Go(func() { p.Client().Visit(probe.Set(t, "k", 1), host(name), probe.Headers("Origin", "http://"+name)) })
		}
	}
	wg.Wait()
	got := lost(p)
	told := map[string]bool{}
	for _, text := range got {
		told[text] = true
	}
	if len(got) < 2 || len(got) > 20 || len(told) != len(got) {
		t.Errorf("%d reports, %d of them different; want each host once, and a bounded number", len(got), len(told))
	}
	long := probe.New(t, session.Config{})
	name := strings.Repeat("h", 1<<16)
	long.Client().Visit(probe.Set(t, "k", 1), host(name), probe.Headers("Origin", "http://"+name))
	if got := fmt.Sprint(lost(long)); len(got) > 1000 {
		t.Errorf("the reports have %d bytes", len(got))
	}
}

// A visitor's form takes a cookie too, and no session.
func TestAFormCookieOverPlainHTTPIsReported(t *testing.T) {
	p := probe.New(t, session.Config{})
	form := probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
		_, err := s.Binding("forms")
		return err
	})
	for range 2 {
		p.Client().Visit(form, host("devbox"), probe.Headers("Referer", "http://devbox/"))
	}
	if got := lost(p); len(got) != 1 {
		t.Errorf("the reports are %q, want one", got)
	}
}

func TestACookieOutsideItsPathIsReportedOnce(t *testing.T) {
	for _, c := range []struct {
		path, asked string
		want        bool
	}{
		{"/app", "/app", false},
		{"/app", "/app/", false},
		{"/app", "/app/x/y", false},
		{"/app", "/app?x=/", false},
		{"/app", "http://app.test/app/x", false},
		{"/app", "/application", true},
		{"/app", "/", true},
		{"/app", "/login?/app", true},
		{"/app", "/App", true},
		{"/app", "/app%2Fx", true},
		{"/app/", "/app", true},
		{"/app/", "/app/x", false},
		{"/a%20b", "/a%20b/c", false},
		{"/", "/anything", false},
		{"/", "*", false},
	} {
		p := probe.New(t, session.Config{Cookie: session.Cookie{Path: c.path}})
		p.Client().Visit(probe.Show, probe.Asks(c.asked))
		if got := lost(p); len(got) != 0 {
			t.Errorf("Path %s: reading %s is reported: %q", c.path, c.asked, got)
		}
		for range 3 {
			if res := p.Client().Visit(probe.Set(t, "k", 1), probe.Asks(c.asked)); len(res.Cookies()) != 1 {
				t.Errorf("Path %s, %s: the cookies are %v", c.path, c.asked, res.Cookies())
			}
		}
		got := lost(p)
		if len(got) > 1 || (len(got) == 1) != c.want {
			t.Errorf("Path %s, requests for %s: the reports are %q", c.path, c.asked, got)
		}
		for _, text := range got {
			for _, says := range []string{"Config.Cookie.Path", `"` + c.path + `"`} {
				if !strings.Contains(text, says) {
					t.Errorf("the report %q does not name %s", text, says)
				}
			}
		}
	}
	header := probe.New(t, session.Config{Header: "Authorization", Cookie: session.Cookie{Path: "/app"}})
	header.Client().Visit(probe.Set(t, "k", 1), probe.Asks("/"))
	if got := lost(header); len(got) != 0 {
		t.Errorf("without a cookie, reported is %q", got)
	}
}

// What a middleware or a proxy makes of the path, the browser does not see.
func TestARewrittenPathIsNotReported(t *testing.T) {
	p := probe.New(t, session.Config{Cookie: session.Cookie{Path: "/app"}})
	p.H = http.StripPrefix("/app", p.H)
	p.Client().Visit(probe.Set(t, "k", 1), probe.Asks("/app/x"))
	if got := lost(p); len(got) != 0 {
		t.Errorf("under StripPrefix: %q", got)
	}

	// A cookie that comes back where it should says nothing of a proxy.
	direct := probe.New(t, session.Config{Cookie: session.Cookie{Path: "/app"}})
	direct.Client().Visit(probe.Show, probe.Asks("/app/x"), probe.Cookies("id="+probe.ForgedToken()))
	direct.Client().Visit(probe.Set(t, "k", 1), probe.Asks("/x"))
	if got := lost(direct); len(got) != 1 {
		t.Errorf("without a proxy: %q", got)
	}

	// One that comes back where it should not does: the proxy takes /app away.
	proxied := probe.New(t, session.Config{Cookie: session.Cookie{Path: "/app"}})
	proxied.Client().Visit(probe.Show, probe.Asks("/x"), probe.Cookies("id="+probe.ForgedToken()))
	proxied.Client().Visit(probe.Set(t, "k", 1), probe.Asks("/x"))
	if got := lost(proxied); len(got) != 0 {
		t.Errorf("behind a proxy: %q", got)
	}
}

// Who does without Handler is told as well.
func TestALostCookieOfStartIsReported(t *testing.T) {
	p := probe.New(t, session.Config{})
	r := httptest.NewRequest("GET", "http://devbox/", nil)
	r.Header.Set("Referer", "http://devbox/")
	if _, err := p.M.Start(httptest.NewRecorder(), r); err != nil {
		t.Fatal(err)
	}
	if got := lost(p); len(got) != 1 {
		t.Errorf("the reports are %q, want one", got)
	}
}
