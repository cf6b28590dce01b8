package main

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/b4468f51/session"
)

// quickHash is far too cheap for anything but tests.
var quickHash = hashCost{memory: 64, passes: 1}

// A site is a shop under test.
type site struct {
	url       string
	transport http.RoundTripper
}

// onEachStore runs a test against the shop on each store.
func onEachStore(t *testing.T, test func(t *testing.T, s site)) {
	for _, name := range []string{"memory", "sqlite"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "shop.db")
			storeURL := "memory:"
			if name == "sqlite" {
				storeURL = "sqlite:" + file
			}
			sessions, err := session.Open(storeURL, sessionConfig(false))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := sessions.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, newSite(t, file, sessions))
		})
	}
}

func newSite(t *testing.T, userFile string, sessions *session.Manager) site {
	users, err := openUsers(userFile, newHasher(quickHash))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := users.close(); err != nil {
			t.Error(err)
		}
	})
	// The cookie is Secure, as in production.
	server := httptest.NewTLSServer(newShop(users, sessions))
	t.Cleanup(server.Close)
	return site{server.URL, server.Client().Transport}
}

// A browser keeps cookies and follows redirects.
type browser struct {
	t      *testing.T
	url    string
	client *http.Client
	form   *formToken
}

// A formToken is what was in the last form that a browser was shown.
type formToken struct {
	mu    sync.Mutex
	token string
}

var csrfField = regexp.MustCompile(`name="csrf_token" value="([\w-]+)"`)

func (f *formToken) read(page string) {
	if found := csrfField.FindStringSubmatch(page); found != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.token = found[1]
	}
}

// fill adds the token to a form, which takes a page with one.
func (f *formToken) fill(form url.Values) url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	filled := maps.Clone(form)
	filled.Set("csrf_token", f.token)
	return filled
}

func (s site) browser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t, s.url, &http.Client{Transport: s.transport, Jar: jar}, new(formToken)}
	b.get("/")
	return b
}

// A shown is what a browser has got.
type shown struct {
	status int
	path   string
	header http.Header
	body   string // unescaped
}

func (b *browser) get(path string) shown {
	return b.send(http.MethodGet, path, nil, nil)
}

func (b *browser) post(path string, fields ...string) shown {
	return b.send(http.MethodPost, path, fieldsOf(fields...), nil)
}

func fieldsOf(fields ...string) url.Values {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form
}

// send may be used by several goroutines at once: it reports an error and
// goes on.
func (b *browser) send(method, path string, form url.Values, header http.Header) shown {
	if form != nil && !form.Has("csrf_token") {
		form = b.form.fill(form)
	}
	r, err := http.NewRequest(method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Error(err)
		return shown{}
	}
	r.Header.Set("Accept", "text/html")
	for name, values := range header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Error(err)
		return shown{}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Error(err)
	}
	b.form.read(string(body))
	return shown{response.StatusCode, response.Request.URL.Path, response.Header, html.UnescapeString(string(body))}
}

// cookies returns what the browser would send now.
func (b *browser) cookies() string {
	u, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	var pairs []string
	for _, c := range b.client.Jar.Cookies(u) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

func (b *browser) want(got shown, status int, texts ...string) {
	b.t.Helper()
	if got.status != status {
		b.t.Fatalf("%s: status %d, want %d:\n%s", got.path, got.status, status, got.body)
	}
	for _, text := range texts {
		if !strings.Contains(got.body, text) {
			b.t.Fatalf("%s: no %q in:\n%s", got.path, text, got.body)
		}
	}
}

func (b *browser) wantNot(got shown, texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		if strings.Contains(got.body, text) {
			b.t.Fatalf("%s: there is %q in:\n%s", got.path, text, got.body)
		}
	}
}

// items is what the head of the page says is in the cart.
func items(n string) string { return n + `<span class="unseen"> items` }

func (b *browser) signUp(name string) {
	b.t.Helper()
	got := b.post("/signup", "name", name, "email", strings.ToLower(name)+"@example.com", "password", "correct horse")
	b.want(got, http.StatusOK, "Welcome, "+name)
}

// record serves a request without a server.
func record(h http.Handler) shown {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return shown{w.Code, "/", w.Header(), html.UnescapeString(w.Body.String())}
}
