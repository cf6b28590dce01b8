package main

import (
	"bufio"
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/examples/internal/chromiumtest"
	"github.com/b4468f51/session/store/memstore"
	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
)

// serve starts two machines over one store, and returns their URLs.
func serve(t *testing.T) [2]string {
	st := memstore.New()
	var urls [2]string
	for i := range urls {
		sessions, err := session.NewManager(st, session.Config{App: "streams", WatchInterval: 250 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(newSite(sessions))
		t.Cleanup(func() {
			if err := sessions.Close(); err != nil { // which ends the streams, that the server waits for
				t.Error(err)
			}
			server.Close()
		})
		urls[i] = strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // where browsers take Secure cookies
	}
	return urls
}

// Two browsers have one user. What one of them ends closes the streams of the other, which shows
// the form to sign in, also where the two are served by different machines.
func TestChromiumShowsTheSignInWhenAStreamEnds(t *testing.T) {
	for name, at := range map[string][2]int{"one machine": {0, 0}, "two machines": {0, 1}} {
		t.Run(name, func(t *testing.T) {
			urls := serve(t)
			watching, ending := chromiumtest.Start(t), chromiumtest.Start(t)
			for i, browser := range []context.Context{watching, ending} {
				if err := chromedp.Do(browser,
					chromedp.Navigate(urls[at[i]]),
					chromedp.WaitVisible("#signin"),
					chromedp.SendKeys("input[name=name]", "ada"),
					chromedp.Click("#signin"),
					chromedp.WaitVisible("body[data-chat=open]"),
				); err != nil {
					t.Fatal(err)
				}
			}
			if err := chromedp.Do(watching,
				chromedp.SendKeys("input[name=text]", "hello there"),
				chromedp.Click("#say"),
				chromedp.WaitVisible("#said > div"),
			); err != nil {
				t.Fatal(err)
			}
			if said, err := chromedp.Run(watching, chromedp.Text("#said")); err != nil || said != "ada: hello there" {
				t.Errorf("the chat shows %q, %v", said, err)
			}
			if err := chromedp.Do(ending, chromedp.Click("#everywhere"), chromedp.WaitVisible("#signin")); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if err := chromedp.Do(watching, chromedp.WaitVisible("#notice")); err != nil {
				t.Fatal(err)
			}
			t.Logf("the other browser shows it after %v", time.Since(began).Round(time.Millisecond))
			if notice, err := chromedp.Run(watching, chromedp.Text("#notice")); err != nil || !strings.Contains(notice, "signed out on another device") {
				t.Errorf("the page says %q, %v", notice, err)
			}
		})
	}
}

// A client without a script is told by the streams themselves.
func TestTheStreamsSayWhyTheyEnd(t *testing.T) {
	urls := serve(t)
	c := signIn(t, urls[0], "ada")
	news, err := c.Get(urls[0] + "/news")
	if err != nil {
		t.Fatal(err)
	}
	defer news.Body.Close()
	lines := bufio.NewScanner(news.Body)
	if !lines.Scan() || lines.Text() != "event: time" {
		t.Fatalf("the news begin with %q, %v", lines.Text(), lines.Err())
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	chat, _, err := websocket.Dial(ctx, urls[0]+"/chat", &websocket.DialOptions{HTTPClient: c})
	if err != nil {
		t.Fatal(err)
	}
	defer chat.CloseNow()
	if err := chat.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, text, err := chat.Read(ctx); err != nil || string(text) != "ada: hello" {
		t.Fatalf("the chat says %q, %v", text, err)
	}

	other := signIn(t, urls[1], "ada")
	res, err := other.PostForm(urls[1]+"/signout-everywhere", url.Values{"csrf_token": {token(t, other, urls[1])}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if _, _, err := chat.Read(ctx); websocket.CloseStatus(err) != closeSignedOut {
		t.Errorf("the chat ends with %v", err)
	}
	last := ""
	for lines.Scan() {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			last = event
		}
	}
	if last != "signedout" {
		t.Errorf("the news end with %q", last)
	}
	res, err = c.Get(urls[0] + "/news")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("who is signed out gets %d", res.StatusCode)
	}
}

var tokenField = regexp.MustCompile(`name="csrf_token" value="([\w-]+)"`)

// token returns the token of the form on the page that a client is shown.
func token(t *testing.T, c *http.Client, siteURL string) string {
	t.Helper()
	res, err := c.Get(siteURL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var page strings.Builder
	if _, err := bufio.NewReader(res.Body).WriteTo(&page); err != nil {
		t.Fatal(err)
	}
	found := tokenField.FindStringSubmatch(page.String())
	if found == nil {
		t.Fatalf("there is no form on %s", page.String())
	}
	return found[1]
}

// signIn returns a client that is signed in. Its jar takes the Secure cookie of an http URL as
// browsers do on localhost.
func signIn(t *testing.T, siteURL, name string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: localJar{jar}}
	res, err := c.PostForm(siteURL+"/signin", url.Values{"name": {name}, "csrf_token": {token(t, c, siteURL+"/signin")}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Request.URL.Path != "/" {
		t.Fatalf("the sign-in answers %d at %s", res.StatusCode, res.Request.URL)
	}
	return c
}

type localJar struct{ http.CookieJar }

func (j localJar) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(asHTTPS(u)) }

func (j localJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(asHTTPS(u), cookies)
}

func asHTTPS(u *url.URL) *url.URL {
	secure := *u
	secure.Scheme = "https"
	return &secure
}
