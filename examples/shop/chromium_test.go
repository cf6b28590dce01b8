package main

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/examples/internal/chromiumtest"
	_ "github.com/b4468f51/session/store/memstore"
	"github.com/chromedp/chromedp"
	emulated "github.com/chromedp/chromedp/device"
	"github.com/justinas/alice"
)

// A chromium is a browser as people use it, with a window of a desktop's width
// or a phone's.
type chromium struct {
	t    *testing.T
	ctx  context.Context
	name string
	url  string
}

func startChromium(t *testing.T, site, name string) *chromium {
	t.Helper()
	b := &chromium{t, chromiumtest.Start(t), name, site}
	if name == "phone" {
		b.do(chromedp.Emulate(emulated.Pixel5))
	}
	return b
}

func (b *chromium) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", b.name, err)
	}
}

// got returns what a browser finds.
func got[T any](b *chromium, find chromedp.Action[T]) T {
	b.t.Helper()
	found, err := chromedp.Run(b.ctx, find)
	if err != nil {
		b.t.Fatalf("%s: %v", b.name, err)
	}
	return found
}

func (b *chromium) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.url + path)) }

// click presses what leads to another page, and waits for that.
func (b *chromium) click(selector string) {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, chromedp.Click(selector)); err != nil {
		b.t.Fatalf("%s: click %s: %v", b.name, selector, err)
	}
}

func (b *chromium) fill(fields ...string) {
	b.t.Helper()
	for i := 0; i < len(fields); i += 2 {
		b.do(chromedp.SendKeys(`input[name="`+fields[i]+`"]`, fields[i+1]))
	}
}

// wants checks where the browser is, and what it shows there.
func (b *chromium) wants(path string, texts ...string) {
	b.t.Helper()
	at, page := got(b, chromedp.Location()), got(b, chromedp.Text("body"))
	if here, _, _ := strings.Cut(strings.TrimPrefix(at, b.url), "?"); here != path {
		b.t.Fatalf("%s is at %s, want %s:\n%s", b.name, at, path, page)
	}
	for _, text := range texts {
		if !strings.Contains(page, text) {
			b.t.Fatalf("%s: no %q in:\n%s", b.name, text, page)
		}
	}
}

// screenshot keeps the whole page, for somebody to look at: make test names the
// folder.
func (b *chromium) screenshot(name string) {
	b.t.Helper()
	png := got(b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+"-"+b.name+".png"), png, 0o644); err != nil {
		b.t.Error(err)
	}
}

func (b *chromium) signUp() {
	b.t.Helper()
	b.open("/signup")
	b.fill("name", "Ada", "email", "ada@example.com", "password", "correct horse")
	b.click("main form .button")
	b.wants("/", "Welcome, Ada.")
}

func (b *chromium) signIn(password string) {
	b.t.Helper()
	b.open("/signin")
	b.fill("email", "ada@example.com", "password", password)
	b.click("main form .button")
}

// chromiumSite serves the shop as make run does: without TLS, on localhost, where
// browsers take cookies that are Secure all the same.
func chromiumSite(t *testing.T, around ...alice.Constructor) string {
	sessions, err := session.Open("memory:", sessionConfig(false))
	if err != nil {
		t.Fatal(err)
	}
	users, err := openUsers(filepath.Join(t.TempDir(), "shop.db"), newHasher(quickHash))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(alice.New(around...).Then(newShop(users, sessions)))
	t.Cleanup(func() {
		server.Close()
		sessions.Close()
		users.close()
	})
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

func TestChromiumDevices(t *testing.T) {
	site := chromiumSite(t)
	laptop, phone := startChromium(t, site, "laptop"), startChromium(t, site, "phone")
	laptop.screenshot("shop")
	laptop.signUp()
	phone.open("/signin")
	phone.screenshot("sign-in")
	phone.do(chromedp.Click(`input[name="remember"]`))
	phone.fill("email", "ada@example.com", "password", "correct horse")
	phone.click("main form .button")
	phone.wants("/", "Welcome back, Ada.")
	phone.open("/account")
	phone.wants("/account", "Chrome on Android", "This device", "Chrome on Linux")
	phone.screenshot("devices")

	laptop.open("/account")
	laptop.wants("/account", "Your devices", "Chrome on Android", "Chrome on Linux", "This device")
	laptop.screenshot("devices")
	laptop.click(`form[action="/account/revoke"] button`)
	laptop.wants("/account", "That device is signed out.")
	phone.click(`a[href="/account"]`)
	phone.wants("/signin", "You have been signed out. Please sign in again.")
	phone.screenshot("signed-out")

	// The password is asked for once more before it is changed, and its change
	// signs the others out.
	phone.signIn("correct horse")
	phone.wants("/", "Welcome back, Ada.")
	laptop.click(`a[href="/account/password"]`)
	laptop.wants("/confirm", "Is it you?")
	laptop.screenshot("confirm")
	laptop.fill("password", "correct horse")
	laptop.click("main form .button")
	laptop.wants("/account/password", "All your other devices will be signed out.")
	laptop.screenshot("password")
	laptop.fill("password", "battery staple")
	laptop.click("main form .button")
	laptop.wants("/account", "Your password is changed. Your other device is signed out.")
	phone.open("/account/password")
	phone.wants("/signin", "You have been signed out.")
	phone.fill("email", "ada@example.com", "password", "battery staple")
	phone.click("main form .button")
	phone.wants("/confirm", "Is it you?") // which is where it was going
	phone.screenshot("confirm")

	laptop.open("/account")
	laptop.click(`form[action="/account/revoke-others"] button`)
	laptop.wants("/account", "Your other device is signed out.")
	phone.open("/account")
	phone.wants("/signin", "You have been signed out.")
}

// secondClick holds the answer to a first sign-in back until the browser has sent
// another: that one comes with the token that the first has killed, and only its
// answer is shown.
type secondClick struct {
	next    http.Handler
	signIns atomic.Int32
	done    chan struct{} // the first sign-in, but for its answer
	again   chan struct{}
}

func (c *secondClick) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/signin" || r.Method != http.MethodPost {
		c.next.ServeHTTP(w, r)
		return
	}
	switch c.signIns.Add(1) {
	case 1:
		first := httptest.NewRecorder()
		c.next.ServeHTTP(first, r)
		close(c.done)
		select {
		case <-c.again:
		case <-time.After(chromiumtest.Limit): // the test has failed by then
		}
		maps.Copy(w.Header(), first.Header())
		w.WriteHeader(first.Code)
	case 2:
		close(c.again)
		c.next.ServeHTTP(w, r)
	default:
		c.next.ServeHTTP(w, r)
	}
}

func TestChromiumDoubleClickOnSignIn(t *testing.T) {
	clicks := &secondClick{done: make(chan struct{}), again: make(chan struct{})}
	site := chromiumSite(t, func(next http.Handler) http.Handler {
		clicks.next = next
		return clicks
	})
	b := startChromium(t, site, "laptop")
	b.signUp()
	b.click(`form[action="/signout"] button`)
	b.wants("/", "You are signed out.")
	b.click(`form[action="/cart/add"] button`)
	b.open("/signin")
	b.fill("email", "ada@example.com", "password", "correct horse")
	box := got(b, chromedp.Dimensions("main form .button")).Content // the corners
	x, y := (box[0]+box[4])/2, (box[1]+box[5])/2
	b.do(chromedp.MouseClickXY(x, y))
	select {
	case <-clicks.done:
	case <-b.ctx.Done():
		t.Fatal("the first click has sent nothing")
	}
	b.do(chromedp.MouseClickXY(x, y, chromedp.ClickCount(2)))
	b.do(chromedp.WaitVisible(`form[action="/signout"]`))
	if n := clicks.signIns.Load(); n != 2 {
		t.Errorf("%d sign-ins were sent, want 2", n)
	}
	b.wants("/", "Welcome back, Ada.")
	b.open("/account")
	b.wants("/account", "ada@example.com", "Your devices")
	b.open("/cart")
	b.wants("/cart", "Total")
}

func TestChromiumBackButtonAfterSignOut(t *testing.T) {
	site := chromiumSite(t)
	b := startChromium(t, site, "laptop")
	b.signUp()
	b.open("/account")
	b.wants("/account", "ada@example.com")
	b.click(`form[action="/signout"] button`)
	b.wants("/", "You are signed out.")
	b.do(chromedp.NavigateBack())
	b.do(chromedp.WaitVisible(`main form input[name="password"]`))
	page := got(b, chromedp.OuterHTML("html"))
	if strings.Contains(page, "ada@example.com") {
		t.Errorf("the back button shows what was private:\n%s", page)
	}
	b.wants("/signin", "Sign in")
	b.screenshot("back-after-sign-out")
}

// Signed out elsewhere, a browser has no reason to forget the pages that it keeps
// for its back button.
func TestChromiumBackButtonAfterARevocationElsewhere(t *testing.T) {
	site := chromiumSite(t)
	laptop, phone := startChromium(t, site, "laptop"), startChromium(t, site, "phone")
	laptop.signUp()
	laptop.open("/account")
	laptop.wants("/account", "ada@example.com")
	laptop.click(`a[href="/cart"]`)
	laptop.wants("/cart")
	phone.signIn("correct horse")
	phone.open("/account")
	phone.click(`form[action="/account/revoke-all"] button`)
	phone.wants("/", "You are signed out everywhere.")

	// Going back to a kept page is no navigation that could be waited for.
	got(laptop, chromedp.Evaluate[bool](`setTimeout(() => history.back()), true`))
	const shown = `location.href + "\n" + (document.body?.checkVisibility() ? document.body.innerText : "")`
	for at := ""; !strings.Contains(at, "/signin"); {
		page, err := chromedp.Run(laptop.ctx, chromedp.Evaluate[string](shown))
		if err != nil && laptop.ctx.Err() != nil {
			t.Fatalf("the back button leads to %s", at)
		} else if err == nil { // else it is between two pages
			at, _, _ = strings.Cut(page, "\n")
		}
		if strings.Contains(page, "ada@example.com") {
			t.Fatalf("the back button shows what was private:\n%s", page)
		}
	}
	laptop.do(chromedp.WaitVisible(`main form input[name="password"]`))
	laptop.wants("/signin", "You have been signed out.")
	laptop.screenshot("back-after-revocation")
}
