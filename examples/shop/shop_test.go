package main

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

func TestSignUpSignInSignOut(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		b := s.browser(t)
		if got := b.get("/account"); got.path != "/signin" {
			t.Fatalf("the account without signing in leads to %s", got.path)
		}
		b.signUp("Ada")
		b.want(b.get("/account"), 200, "ada@example.com", "Signed in here", "This device")

		account := b.get("/account")
		if cc := account.header.Get("Cache-Control"); cc != "no-store" {
			t.Errorf("Cache-Control of the account is %q", cc)
		}
		got := b.post("/signout")
		b.want(got, 200, "You are signed out.", "Sign in")
		if got := b.get("/account"); got.path != "/signin" {
			t.Fatalf("the account after signing out leads to %s", got.path)
		}

		got = b.post("/signin", "email", " ADA@example.com", "password", "correct horse")
		b.want(got, 200, "Welcome back, Ada.", "Sign out")
		if got := b.get("/signin"); got.path != "/account" {
			t.Fatalf("the sign-in page, signed in, leads to %s", got.path)
		}
	})
}

func TestSignInRefused(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		s.browser(t).signUp("Ada")
		tests := []struct{ name, email, password, want string }{
			{"wrong password", "ada@example.com", "wrong horse", "do not match an account"},
			{"unknown address", "eve@example.com", "correct horse", "do not match an account"},
			{"no password", "ada@example.com", "", "Please enter your password"},
			{"no address", "", "correct horse", "Please enter the address"},
			{"endless password", "ada@example.com", strings.Repeat("x", maxPassword+1), "Please enter your password"},
		}
		for _, tt := range tests {
			b := s.browser(t)
			got := b.post("/signin", "email", tt.email, "password", tt.password)
			b.want(got, 422, tt.want, `value="`+tt.email+`"`)
			if tt.password != "" {
				b.wantNot(got, tt.password)
			}
			if got.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: sets a cookie", tt.name)
			}
		}
	})
}

func TestSignUpRefused(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		s.browser(t).signUp("Ada")
		tests := []struct{ name, email, password, want string }{
			{"", "bea@example.com", "correct horse", "Please enter your name"},
			{"Bea", "bea", "correct horse", "Please enter an address"},
			{"Bea", "Bea <bea@example.com>", "correct horse", "Please enter an address"},
			{"Bea", "bea@example.com", "short12", "at least 8 characters"},
			{"Bea", "bea@example.com", strings.Repeat("y", maxPassword+1), "at most 128 characters"},
			{"Bea", "ada@example.com", "correct horse", "There is an account with this address"},
			{strings.Repeat("B", maxName+1), "bea@example.com", "correct horse", "at most 60 characters"},
			{"Be\x01a", "bea@example.com", "correct horse", "letters, digits and spaces"},
		}
		for _, tt := range tests {
			b := s.browser(t)
			got := b.post("/signup", "name", tt.name, "email", tt.email, "password", tt.password)
			b.want(got, 422, tt.want, `value="`+tt.name+`"`, `value="`+strings.ToLower(tt.email)+`"`)
			b.wantNot(got, tt.password)
		}
	})
}

func TestNoParallelAddIsLost(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		b := s.browser(t)
		b.want(b.post("/cart/add", "product", "cup"), 200, items("1"))
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if got := b.post("/cart/add", "product", "cup"); got.status != 200 {
					t.Errorf("status %d:\n%s", got.status, got.body)
				}
			})
		}
		wg.Wait()
		b.want(b.get("/cart"), 200, items("21"), "€304.50") // 21 times 14.50
	})
}

func TestCart(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		b := s.browser(t)
		b.want(b.get("/cart"), 200, "There is nothing in it yet")
		b.post("/cart/add", "product", "cup")
		b.post("/cart/add", "product", "beans")
		got := b.post("/cart/set", "product", "beans", "quantity", "3")
		b.want(got, 200, "House beans: 3 in your cart.", "€38.85", "€53.35")
		b.want(b.post("/cart/set", "product", "cup", "quantity", "0"), 200, "Stoneware cup is out of your cart.", items("3"))
		for _, fields := range [][]string{
			{"product", "yacht", "quantity", "1"},
			{"product", "cup", "quantity", "-1"},
			{"product", "cup", "quantity", "100"},
			{"product", "cup", "quantity", "many"},
			{"product", "cup"},
		} {
			b.want(b.post("/cart/set", fields...), 422, "That is not possible")
		}
		b.want(b.post("/cart/add", "product", "yacht"), 422)
		b.want(b.get("/cart"), 200, items("3"), "€38.85")
	})
}

func TestFlashIsShownOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		b := s.browser(t)
		const text = "House beans is in your cart."
		b.want(b.post("/cart/add", "product", "beans"), 200, text)
		b.wantNot(b.get("/"), text)

		// Of many pages at once, one shows it, and none fails for it.
		noRedirect := *b.client
		noRedirect.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		(&browser{t, b.url, &noRedirect, b.form}).post("/cart/add", "product", "beans")
		pages := make([]shown, 8)
		var wg sync.WaitGroup
		for i := range pages {
			wg.Go(func() { pages[i] = b.get("/") })
		}
		wg.Wait()
		n := 0
		for _, page := range pages {
			b.want(page, 200)
			n += strings.Count(page.body, text)
		}
		if n != 1 {
			t.Errorf("shown %d times", n)
		}
	})
}

func TestGuestCartSurvivesSignIn(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		s.browser(t).signUp("Ada")
		b := s.browser(t)
		b.post("/cart/add", "product", "cup")
		before := b.cookies()
		b.want(b.post("/signin", "email", "ada@example.com", "password", "correct horse"), 200, items("1"))
		if before == "" || b.cookies() == before {
			t.Error("signing in left the token as it was")
		}
		b.want(b.post("/signout"), 200)
		b.wantNot(b.get("/"), items("1"))
	})
}

func TestSharedBrowser(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		s.browser(t).signUp("Bea")
		b := s.browser(t)
		b.signUp("Ada")
		b.want(b.post("/cart/add", "product", "cup"), 200, items("1"))
		// Ada forgot to sign out.
		got := b.post("/signin", "email", "bea@example.com", "password", "correct horse")
		b.want(got, 200, "Welcome back, Bea.")
		b.wantNot(got, items("1"))
		b.want(b.get("/account"), 200, "bea@example.com")
	})
}

func TestDoubleClickOnSignIn(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		s.browser(t).signUp("Ada")
		fields := fieldsOf("email", "ada@example.com", "password", "correct horse")

		b := s.browser(t)
		b.post("/cart/add", "product", "cup") // so that there is a session
		guest, fields := b.cookies(), b.form.fill(fields)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { b.send(http.MethodPost, "/signin", fields, nil) })
		}
		wg.Wait()
		b.want(b.get("/account"), 200, "ada@example.com", items("1"))

		// The second click was under way with the guest's token, and the answer
		// to it is the one that counts.
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		b.client.Jar = jar
		b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		got := b.send(http.MethodPost, "/signin", fields, http.Header{"Cookie": {guest}})
		b.want(got, http.StatusSeeOther)
		b.want(b.get("/account"), 200, "ada@example.com", items("1"))
	})
}

func TestDevices(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		laptop, phone, eve := s.browser(t), s.browser(t), s.browser(t)
		laptop.signUp("Ada")
		phone.post("/signin", "email", "ada@example.com", "password", "correct horse")
		eve.signUp("Eve")

		_, rest, found := strings.Cut(laptop.get("/account").body, `name="session" value="`)
		id, _, _ := strings.Cut(rest, `"`)
		if !found || len(id) != 22 {
			t.Fatalf("the phone is not on the list of the laptop: %q", id)
		}
		eve.post("/account/revoke", "session", id)
		phone.want(phone.get("/account"), 200, "ada@example.com")
		laptop.want(laptop.post("/account/revoke", "session", id), 200, "That device is signed out.")
		if got := phone.get("/account"); got.path != "/signin" {
			t.Fatalf("the phone is still signed in: %s", got.path)
		}
		laptop.want(laptop.post("/account/revoke", "session", "nonsense"), 404)

		phone.post("/signin", "email", "ada@example.com", "password", "correct horse")
		phone.want(phone.post("/account/revoke-all"), 200, "You are signed out everywhere.")
		if got := laptop.get("/account"); got.path != "/signin" {
			t.Fatalf("the laptop is still signed in: %s", got.path)
		}
		eve.want(eve.get("/account"), 200, "eve@example.com")
	})
}

func TestRefused(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		b := s.browser(t)
		b.post("/cart/add", "product", "cup")
		guest, guestForm := b.cookies(), b.form.token
		b.signUp("Ada")
		tests := []struct {
			name, method, path string
			token              string
			body               int
			header             http.Header
			status             int
			want               string
			allow              string
		}{
			{name: "cross-site", method: "POST", path: "/cart/add", header: http.Header{"Sec-Fetch-Site": {"cross-site"}}, status: 403, want: "from another site"},
			{name: "other origin", method: "POST", path: "/signout", header: http.Header{"Origin": {"https://evil.example"}}, status: 403, want: "from another site"},
			{name: "no such page", method: "GET", path: "/nowhere", status: 404, want: "no such page"},
			{name: "no such file", method: "GET", path: "/static/nothing.css", status: 404, want: "no such page"},
			{name: "a form to a file", method: "POST", path: "/static/style.css", status: 405, want: "does not work here", allow: "GET, HEAD"},
			{name: "no list of files", method: "GET", path: "/static/", status: 404, want: "no such page"},
			{name: "method", method: "GET", path: "/signout", status: 405, want: "does not work here", allow: "POST"},
			{name: "long body", method: "POST", path: "/signin", body: maxBody + 1, status: 413, want: "too much"},
			{name: "token of nobody", method: "POST", path: "/cart/add", token: strings.Repeat("A", 86), status: 403, want: "was not taken"},
			{name: "token of before", method: "POST", path: "/cart/add", token: guestForm, header: http.Header{"Cookie": {b.cookies()}}, status: 403, want: "was not taken"},
			{name: "replaced token", method: "POST", path: "/cart/add", token: guestForm, header: http.Header{"Cookie": {guest}}, status: 409, want: "Your session has changed"},
		}
		for _, tt := range tests {
			b := s.browser(t)
			fields := fieldsOf("product", "cup", "more", strings.Repeat("x", tt.body))
			if tt.token != "" {
				fields.Set("csrf_token", tt.token)
			}
			if tt.header.Get("Cookie") != "" {
				b.client.Jar = nil // no others beside
			}
			got := b.send(tt.method, tt.path, fields, tt.header)
			b.want(got, tt.status, tt.want, "Go to the shop")
			if got.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: sets a cookie", tt.name)
			}
			if got.header.Get("Allow") != tt.allow {
				t.Errorf("%s: Allow is %q", tt.name, got.header.Get("Allow"))
			}
		}
		b.want(b.get("/account"), 200, "ada@example.com") // still signed in
	})
}

func TestHeaders(t *testing.T) {
	onEachStore(t, func(t *testing.T, s site) {
		b := s.browser(t)
		got := b.get("/")
		b.want(got, 200, "Good coffee")
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'",
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "same-origin",
			"Cache-Control":           "no-store",
			"Content-Type":            "text/html; charset=utf-8",
			"Vary":                    "Cookie",
			"Set-Cookie":              "", // looking costs no session
		} {
			if value := got.header.Get(name); !strings.HasPrefix(value, want) || want == "" && value != "" {
				t.Errorf("%s is %q, want %q", name, value, want)
			}
		}
		link, err := staticURL("style.css")
		if err != nil {
			t.Fatal(err)
		}
		b.want(got, 200, link)
		style := b.get(link)
		b.want(style, 200, "--accent")
		if cc := style.header.Get("Cache-Control"); !strings.Contains(cc, "immutable") {
			t.Errorf("Cache-Control of the style is %q", cc)
		}
	})
}

// A deadStore is a store whose server is gone.
type deadStore struct{ store.Store }

var errDead = errors.New("the store is gone")

func (deadStore) Load(context.Context, store.ID) (store.Record, error) {
	return store.Record{}, errDead
}
func (deadStore) Create(context.Context, store.Record) error { return errDead }
func (deadStore) List(context.Context, string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) { yield(store.Record{}, errDead) }
}

func TestDeadStore(t *testing.T) {
	sessions, err := session.NewManager(deadStore{}, sessionConfig(false))
	if err != nil {
		t.Fatal(err)
	}
	defer sessions.Close()
	s := newSite(t, filepath.Join(t.TempDir(), "shop.db"), sessions)
	b := s.browser(t)
	got := b.post("/cart/add", "product", "cup") // at the commit
	b.want(got, 503, "We will be right back")
	if got.path != "/cart/add" || got.header.Get("Set-Cookie") != "" || got.header.Get("Location") != "" {
		t.Errorf("the answer is that of the handler: %s %v", got.path, got.header)
	}
	b.want(b.get("/"), 200) // needs none
	token := http.Header{"Cookie": {"__Host-shop=" + strings.Repeat("A", 64)}}
	got = b.send(http.MethodGet, "/", nil, token) // at the load
	b.want(got, 503, "We will be right back")
	if got.header.Get("Set-Cookie") != "" {
		t.Error("an outage signs the client out")
	}
	b.want(b.send(http.MethodGet, "/static/icon.svg", nil, token), 200)
}

func TestPanic(t *testing.T) {
	b := &browser{t: t}
	for _, begun := range []bool{false, true} {
		handler := logRequests(recoverPanics(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if begun {
				w.WriteHeader(http.StatusOK)
			}
			panic("a mistake")
		})))
		if begun {
			func() {
				defer func() {
					if v := recover(); v != http.ErrAbortHandler {
						t.Errorf("panic of half an answer: %v", v)
					}
				}()
				record(handler)
			}()
			continue
		}
		b.want(record(handler), 500, "Something went wrong")
	}
}

func TestHasher(t *testing.T) {
	h := newHasher(quickHash)
	ctx := context.Background()
	hash, err := h.hash(ctx, h.guests, "192.0.2.1", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct hors": false, "": false} {
		if got, err := h.verify(ctx, h.guests, "192.0.2.1", password, hash); got != want || err != nil {
			t.Errorf("verify %q: %v, %v", password, got, err)
		}
	}
	// What an unknown user costs is what a known one does.
	known, _, _, err := decodeHash(hash)
	unknown, _, _, err2 := decodeHash(h.dummy)
	if err != nil || err2 != nil || known != unknown {
		t.Errorf("dummy costs %v, a hash %v: %v, %v", unknown, known, err2, err)
	}
	for _, bad := range []string{"", "$2b$10$abc", "$argon2id$v=19$m=1$a$b", strings.Replace(hash, "v=19", "v=18", 1)} {
		if _, err := h.verify(ctx, h.guests, "192.0.2.1", "correct horse", bad); err == nil {
			t.Errorf("verify against %q: no error", bad)
		}
	}
}
