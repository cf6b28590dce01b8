package main

import (
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// A tab is a browser as far as this matters here: it keeps cookies, and sends
// them as SameSite says. Its requests have the headers by which browsers tell
// where they come from.
type tab struct {
	t       *testing.T
	cookies map[string]map[string]*http.Cookie // by host and name
	at      *url.URL
	status  int
	page    string
	stays   bool   // does not follow redirects,
	next    string // but keeps where they lead
}

func newTab(t *testing.T) *tab { return &tab{t: t, cookies: map[string]map[string]*http.Cookie{}} }

// open goes to an address that somebody typed.
func (b *tab) open(address string) {
	b.t.Helper()
	b.at = nil
	b.visit(http.MethodGet, address, nil)
}

// visit goes where the page that is shown leads, through redirects. A visit that
// crosses from one site to another is cross-site to its end.
func (b *tab) visit(method, address string, form url.Values) {
	b.t.Helper()
	from := b.at
	to, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	if from != nil {
		to = from.ResolveReference(to)
	}
	for cross := false; ; {
		cross = cross || from != nil && from.Hostname() != to.Hostname()
		res := b.request(method, to, form, from, cross)
		b.next = res.Header.Get("Location")
		if b.next == "" || b.stays {
			return
		}
		if to, err = to.Parse(b.next); err != nil {
			b.t.Fatal(err)
		}
		method, form = http.MethodGet, nil // as after 303
	}
}

func (b *tab) request(method string, to *url.URL, form url.Values, from *url.URL, cross bool) *http.Response {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, to.String(), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	switch {
	case from == nil:
		r.Header.Set("Sec-Fetch-Site", "none")
	case cross:
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", from.Scheme+"://"+from.Host)
	}
	for _, c := range b.cookies[to.Hostname()] {
		lax := c.SameSite == http.SameSiteLaxMode && method == http.MethodGet
		if !cross || lax || c.SameSite == http.SameSiteNoneMode {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		b.keep(to.Hostname(), c)
	}
	b.at, b.status, b.page = to, res.StatusCode, string(body)
	return res
}

func (b *tab) keep(host string, c *http.Cookie) {
	if b.cookies[host] == nil {
		b.cookies[host] = map[string]*http.Cookie{}
	}
	b.cookies[host][c.Name] = c
	if c.MaxAge < 0 {
		delete(b.cookies[host], c.Name)
	}
}

var (
	formTag   = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)">(.*?)</form>`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
	buttonTag = regexp.MustCompile(`<button(?: name="([^"]+)" value="([^"]+)")?[^>]*>([^<]+)</button>`)
	onwardTag = regexp.MustCompile(`<meta http-equiv="refresh" content="0;url=([^"]+)">`)
)

// click presses a button. A page that goes on by itself does.
func (b *tab) click(text string) {
	b.t.Helper()
	for _, form := range formTag.FindAllStringSubmatch(b.page, -1) {
		for _, button := range buttonTag.FindAllStringSubmatch(form[2], -1) {
			if button[3] != text {
				continue
			}
			fields := url.Values{}
			for _, hidden := range hiddenTag.FindAllStringSubmatch(form[2], -1) {
				fields.Set(html.UnescapeString(hidden[1]), html.UnescapeString(hidden[2]))
			}
			if button[1] != "" {
				fields.Set(button[1], button[2])
			}
			b.visit(http.MethodPost, html.UnescapeString(form[1]), fields)
			if onward := onwardTag.FindStringSubmatch(b.page); onward != nil {
				b.visit(http.MethodGet, onward[1], nil)
			}
			return
		}
	}
	b.t.Fatalf("%s has no button %q:\n%s", b.at, text, b.page)
}

func (b *tab) wants(status int, texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		if b.status != status || !strings.Contains(b.page, text) {
			b.t.Fatalf("%s: %d, want %d and %q in:\n%s", b.at, b.status, status, text, b.page)
		}
	}
}

// listen listens on a free port of a host of this machine.
func listen(t *testing.T, host string) (listener net.Listener, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return listener, "http://" + net.JoinHostPort(host, port)
}
