package main

import (
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/b4468f51/session"
)

// signIn signs Ada in.
func (b *browser) signIn(password string, more ...string) shown {
	b.t.Helper()
	fields := append([]string{"email", "ada@example.com", "password", password}, more...)
	return b.post("/signin", fields...)
}

func TestSignInLeadsBackToThePage(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		s.browser(t).signUp("Ada")
		b := s.browser(t)
		got := b.get("/account/password")
		b.want(got, 200, "Sign in", `name="return_to" value="/account/password"`)
		b.wantNot(got, "You have been signed out")
		if got := b.signIn("wrong horse", "return_to", "/cart"); !strings.Contains(got.body, `name="return_to" value="/cart"`) {
			t.Error("a wrong password loses the page that was wanted")
		}
		if got := b.signIn("correct horse", "return_to", "/cart"); got.path != "/cart" {
			t.Errorf("signing in leads to %s", got.path)
		}
		// To another site it leads nobody.
		for _, elsewhere := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"} {
			if got := s.browser(t).signIn("correct horse", "return_to", elsewhere); got.path != "/" {
				t.Errorf("return_to %q leads to %s", elsewhere, got.path)
			}
		}
	})
}

// monthly is a cookie of 30 days, or a second less.
var monthly = regexp.MustCompile(`; Max-Age=(2592000|2591999);`)

func TestRememberMe(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		s.browser(t).signUp("Ada")
		for _, remember := range []bool{false, true} {
			b := s.browser(t)
			b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			var fields []string
			if remember {
				fields = []string{"remember", "yes"}
			}
			got := b.signIn("correct horse", fields...)
			if persistent := monthly.MatchString(got.header.Get("Set-Cookie")); persistent != remember {
				t.Errorf("remember %v: the cookie is %q", remember, got.header.Get("Set-Cookie"))
			}
		}
	})
}

func TestChangePassword(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		laptop, phone := s.browser(t), s.browser(t)
		laptop.signUp("Ada")
		phone.want(phone.signIn("correct horse"), 200, "Welcome back")

		// Being signed in is not enough.
		got := laptop.get("/account/password")
		laptop.want(got, 200, "Is it you?", `name="return_to" value="/account/password"`)
		if got := laptop.post("/account/password", "password", "stolen laptop"); got.path != "/confirm" {
			t.Fatalf("without a confirmation the form leads to %s", got.path)
		}
		laptop.want(laptop.post("/confirm", "password", "wrong horse"), 422, "That is not your password")
		got = laptop.post("/confirm", "password", "correct horse", "return_to", "/account/password")
		laptop.want(got, 200, "Change your password", "All your other devices")
		laptop.want(laptop.post("/account/password", "password", "short"), 422, "at least 8 characters")
		got = laptop.post("/account/password", "password", "battery staple")
		laptop.want(got, 200, "Your password is changed. Your other device is signed out.")

		got = phone.get("/account")
		phone.want(got, 200, "You have been signed out. Please sign in again.")
		phone.want(phone.signIn("correct horse"), 422, "do not match")
		phone.want(phone.signIn("battery staple"), 200, "Welcome back")
		laptop.want(laptop.get("/account"), 200, "ada@example.com")
	})
}

func TestSignOutEverywhereElse(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		laptop, phone, tablet := s.browser(t), s.browser(t), s.browser(t)
		laptop.signUp("Ada")
		phone.signIn("correct horse")
		tablet.signIn("correct horse")
		laptop.want(laptop.post("/account/revoke-others"), 200, "Your 2 other devices are signed out.", "This device")
		laptop.want(laptop.post("/account/revoke-others"), 200, "You are signed in on this device only.")
		for _, b := range []*browser{phone, tablet} {
			if got := b.get("/account"); got.path != "/signin" {
				t.Errorf("another device sees %s", got.path)
			}
		}
	})
}

// When no more visitors are given sessions, users still come and go.
func TestSignOutInAFlood(t *testing.T) {
	cfg := sessionConfig(false)
	cfg.AdmitAnonymous = func(*http.Request) error { return errors.New("flood") }
	sessions, err := session.Open("memory:", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sessions.Close() })
	b := newSite(t, filepath.Join(t.TempDir(), "shop.db"), sessions).browser(t)
	b.signUp("Ada")
	b.want(b.post("/cart/add", "product", "cup"), 200)
	b.want(b.post("/signout"), 200, "Sign in")
	if strings.Contains(b.cookies(), "__Host-shop=") {
		t.Errorf("the browser keeps %q", b.cookies())
	}
	b.want(b.post("/cart/add", "product", "cup"), http.StatusTooManyRequests)
	b.want(b.signIn("correct horse"), 200, "Welcome back")
}

func TestPrivatePagesAskToSignIn(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		for _, path := range []string{"/account", "/account/password", "/confirm"} {
			if got := s.browser(t).get(path); got.path != "/signin" {
				t.Errorf("GET %s leads to %s", path, got.path)
			}
		}
		for _, path := range []string{"/account/revoke", "/account/revoke-others", "/account/revoke-all", "/account/password", "/confirm"} {
			if got := s.browser(t).post(path); got.path != "/signin" {
				t.Errorf("POST %s leads to %s", path, got.path)
			}
		}
	})
}

func TestBrowserName(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36":                           "Chrome on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0":                                                    "Firefox on Mac",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36":        "Samsung Internet on Android",
		"curl/8.0":                  "Unknown browser",
		"Something (Windows)":       "A browser on Windows",
		"Firefox/143.0":             "Firefox",
		"":                          "Unknown browser",
		"<script>alert(1)</script>": "Unknown browser",
	} {
		if got := browserName(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}
