package integration

import (
	"bufio"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/integration/testserver"
)

// The shop, as it is built, runs on each store that -store can name: two
// processes of it serve one user, who stays signed in when they are killed.
func TestShopOnEachStore(t *testing.T) {
	shop := buildShop(t)
	for _, tt := range []struct {
		name string
		url  func(t *testing.T) string
	}{
		{"sqlite", func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "sessions.db") }},
		{"postgres", func(t *testing.T) string {
			u := postgresURL(t)
			return with(u, "table="+newTable(t, openSQL(t, "pgx", u)))
		}},
		{"mysql", func(t *testing.T) string {
			u := mysqlURL(t)
			return with(u, "table="+newTable(t, openSQL(t, "mysql", mysqlDSN(t, u))))
		}},
		{"redis", func(t *testing.T) string { return withPrefix(redisServer(t)) }},
		{"redis-sentinel", func(t *testing.T) string { return withPrefix(testserver.SharedRedisSentinel(t).URL()) }},
		{"redis-cluster", func(t *testing.T) string { return withPrefix(testserver.SharedRedisCluster(t).URL()) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store, folder := tt.url(t), t.TempDir()
			begin := func() [2]shopProcess {
				return [2]shopProcess{startShop(t, shop, folder, store), startShop(t, shop, folder, store)}
			}
			running := begin()
			b := newShopper(t)
			b.visit(running[1], "/signup", "Create an account")
			b.visit(running[0], "/signup", "Welcome, Ada",
				"name", "Ada", "email", "ada@example.com", "password", "correct horse")
			var wg sync.WaitGroup
			for i := range 10 {
				wg.Go(func() { b.visit(running[i%2], "/cart/add", "", "product", "kettle") })
			}
			wg.Wait()
			b.visit(running[1], "/cart", "10<")
			for _, p := range running {
				p.kill()
			}
			running = begin()
			b.visit(running[1], "/account", "ada@example.com")
			b.visit(running[0], "/cart", "10<")
			b.visit(running[0], "/signout", "You are signed out", "", "")
			b.visit(running[1], "/account", "Sign in")
		})
	}
}

// What -store cannot name is an error that says what to do, and no secret.
func TestShopRefusesAStore(t *testing.T) {
	shop := buildShop(t)
	for _, tt := range []struct{ url, says string }{
		{"bogus:x", `unknown store "bogus" (forgotten import?)`},
		{"sqlite:", "no path: want a file, as in sqlite:app.db"},
		{"postgres://u:hunter2@127.0.0.1:1/db", "refused"},
		{"mysql://u:hunter2@127.0.0.1:1/db", "refused"},
		{"redis://u:hunter2@127.0.0.1:1", "refused"},
		{"redis://u:hunter2@127.0.0.1:1?prefox=x", "prefox"},
	} {
		cmd := exec.Command(shop, "-addr", "127.0.0.1:0", "-store", tt.url)
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), tt.says) || strings.Contains(string(out), "hunter2") {
			t.Errorf("-store %s: %v, and it says %q; want %q", tt.url, err, out, tt.says)
		}
	}
}

func buildShop(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "shop.exe")
	build := exec.Command("go", "build", "-o", program, "./shop")
	build.Dir = filepath.Join("..", "..", "examples")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// A shopProcess is the shop as it runs.
type shopProcess struct {
	url  string
	kill func()
}

// startShop starts the shop in a folder, which has its accounts.
func startShop(t *testing.T, program, folder, store string) shopProcess {
	t.Helper()
	cmd := exec.Command(program, "-addr", "127.0.0.1:0", "-insecure", "-store", store)
	cmd.Dir, cmd.Stderr = folder, t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(kill)
	line, _ := bufio.NewReader(out).ReadString('\n')
	at, ok := strings.CutPrefix(strings.TrimSpace(line), "Open ")
	if !ok {
		t.Fatalf("the shop says %q", line)
	}
	return shopProcess{at, kill}
}

// A shopper is a browser.
type shopper struct {
	t    *testing.T
	http *http.Client

	mu    sync.Mutex
	token string // of the last form that was shown
}

var csrfField = regexp.MustCompile(`name="csrf_token" value="([\w-]+)"`)

func newShopper(t *testing.T) *shopper {
	jar, _ := cookiejar.New(nil)
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &shopper{t: t, http: &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}}
}

// visit gets a page, or sends a form where there are fields, and checks what is
// shown in the end.
func (b *shopper) visit(p shopProcess, path, want string, fields ...string) {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	b.mu.Lock()
	form.Set("csrf_token", b.token)
	b.mu.Unlock()
	method, sent := http.MethodGet, ""
	if len(fields) > 0 {
		method, sent = http.MethodPost, form.Encode()
	}
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(sent))
	if err != nil {
		b.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "text/html")
	res, err := b.http.Do(req)
	if err != nil {
		b.t.Error(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if found := csrfField.FindSubmatch(body); found != nil {
		b.mu.Lock()
		b.token = string(found[1])
		b.mu.Unlock()
	}
	if text := html.UnescapeString(string(body)); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(text, want) {
		b.t.Errorf("%s: status %d, %v; want %q in:\n%s", path, res.StatusCode, err, want, text)
	}
}
