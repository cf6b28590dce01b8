package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/b4468f51/session/examples/oidc/provider"
	"github.com/b4468f51/session/store/memstore"
)

// serveBoth serves the site and its provider, as two sites to browsers, and
// returns the site's address.
func serveBoth(t *testing.T, strict bool) string {
	t.Helper()
	siteListener, siteURL := listen(t, "localhost")
	providerListener, issuer := listen(t, "127.0.0.1")
	s, err := newSite(memstore.New(), siteURL, client{issuer: issuer, id: clientID}, strict)
	if err != nil {
		t.Fatal(err)
	}
	siteServer := &http.Server{Handler: s.routes()}
	providerServer := &http.Server{Handler: provider.New(issuer, clientID, s.redirectURIs()...)}
	go siteServer.Serve(siteListener)
	go providerServer.Serve(providerListener)
	t.Cleanup(func() {
		siteServer.Close()
		providerServer.Close()
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return siteURL
}

const (
	byRedirect = "Sign in by a redirect"
	byForm     = "Sign in by a form"
)

// atProvider puts something into the cart, and begins a sign-in.
func atProvider(t *testing.T, siteURL, way string) *tab {
	t.Helper()
	b := newTab(t)
	b.open(siteURL)
	b.click("Add to the cart")
	b.wants(200, "1 in the cart")
	b.click(way)
	b.wants(200, "The provider")
	return b
}

// signInAtProvider presses its button, and the next where there is one.
func (b *tab) signInAtProvider(way string) {
	b.t.Helper()
	b.click("Sign in as Ada")
	if way == byForm {
		b.click("Go back")
	}
}

func TestASignInElsewhereKeepsTheCart(t *testing.T) {
	for _, tt := range []struct {
		way    string
		strict bool
	}{{byRedirect, false}, {byForm, false}, {byForm, true}} {
		siteURL := serveBoth(t, tt.strict)
		b := atProvider(t, siteURL, tt.way)
		before := b.cookies["localhost"]["__Host-example"].Value
		b.signInAtProvider(tt.way)
		b.wants(200, "Hello, Ada", "1 in the cart")
		if b.cookies["localhost"]["__Host-example"].Value == before {
			t.Error("the sign-in has not replaced the token")
		}
		b.click("Sign out")
		b.open(siteURL)
		b.wants(200, "<h1>Hello</h1>", "0 in the cart")
	}
}

// What no library can change: to what another site redirects, browsers send no
// Strict cookie, and to what it posts, no Lax one either.
func TestAStrictCookieDoesNotComeBackWithARedirect(t *testing.T) {
	b := atProvider(t, serveBoth(t, true), byRedirect)
	b.signInAtProvider(byRedirect)
	b.wants(403, "This browser has begun no such sign-in.")
}

// Somebody begins a sign-in of their own, and has another browser end it: who
// uses that one would go on in a stranger's account.
func TestASignInEndsInTheBrowserThatBeganIt(t *testing.T) {
	for _, way := range []string{byRedirect, byForm} {
		siteURL := serveBoth(t, false)
		thief := atProvider(t, siteURL, way)
		thief.stays = true
		thief.click("Sign in as Ada")
		victim := newTab(t)
		victim.open(siteURL)
		victim.click("Add to the cart")
		victim.click(way) // with a sign-in of its own under way
		victim.at = thief.at
		if way == byRedirect {
			victim.visit(http.MethodGet, thief.next, nil)
		} else {
			victim.visit(http.MethodPost, siteURL+arrivalPath, formOf(thief.page))
		}
		victim.wants(403, "This browser has begun no such sign-in.")
		victim.open(siteURL)
		victim.wants(200, "<h1>Hello</h1>", "1 in the cart")
	}
}

// formOf returns the fields of the form that the provider posts.
func formOf(page string) url.Values {
	fields := url.Values{}
	for _, hidden := range hiddenTag.FindAllStringSubmatch(page, -1) {
		fields.Set(hidden[1], hidden[2])
	}
	return fields
}

func TestASignInEndsOnce(t *testing.T) {
	siteURL := serveBoth(t, false)
	b := atProvider(t, siteURL, byForm)
	b.click("Sign in as Ada")
	back, form := *b.at, formOf(b.page)
	b.click("Go back")
	b.wants(200, "Hello, Ada")
	b.at = &back
	b.visit(http.MethodPost, siteURL+arrivalPath, form)
	b.wants(403, "This browser has begun no such sign-in.")
	b.visit(http.MethodGet, siteURL+"/signed-in", nil)
	b.wants(403, "This browser has begun no such sign-in.")
}

func TestTwoTabsMaySignIn(t *testing.T) {
	siteURL := serveBoth(t, false)
	first := atProvider(t, siteURL, byRedirect)
	second := &tab{t: t, cookies: first.cookies} // of the same browser
	second.open(siteURL)
	second.click(byRedirect)
	first.signInAtProvider(byRedirect)
	first.wants(200, "Hello, Ada")
	second.signInAtProvider(byRedirect)
	second.wants(200, "Hello, Ada", "1 in the cart")
}

func TestACancelledSignInLeavesTheCart(t *testing.T) {
	for _, way := range []string{byRedirect, byForm} {
		siteURL := serveBoth(t, false)
		b := atProvider(t, siteURL, way)
		b.click("Cancel")
		if way == byForm {
			b.click("Go back")
		}
		b.wants(403, "The provider did not sign you in.")
		b.open(siteURL)
		b.wants(200, "<h1>Hello</h1>", "1 in the cart")
	}
}

func TestAnIDTokenIsOfThisSignIn(t *testing.T) {
	c := client{issuer: "https://provider.example", id: clientID}
	good := claims{Issuer: c.issuer, Subject: "ada", Audience: audience{clientID}, Expires: 1 << 40, Nonce: "n"}
	if err := c.check(good, flow{Nonce: "n"}); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(who *claims){
		"issuer":   func(who *claims) { who.Issuer = "https://other.example" },
		"audience": func(who *claims) { who.Audience = audience{"other"} },
		"both":     func(who *claims) { who.Audience = audience{clientID, "other"} },
		"expires":  func(who *claims) { who.Expires = 1 },
		"nonce":    func(who *claims) { who.Nonce = "" },
		"subject":  func(who *claims) { who.Subject = "" },
	} {
		who := good
		spoil(&who)
		if err := c.check(who, flow{Nonce: "n"}); err == nil {
			t.Errorf("an ID token with another %s is taken", name)
		}
	}
	if _, err := (client{issuer: "http://provider.example"}).config(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("a provider without TLS: %v", err)
	}
}
