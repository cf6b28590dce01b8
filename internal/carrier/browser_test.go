package carrier_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/b4468f51/session/internal/carrier"
)

func TestWhatBrowsersDropIsAMistake(t *testing.T) {
	good := carrier.Cookie{Name: "__Host-id", Path: "/", SameSite: http.SameSiteLaxMode}
	for says, change := range map[string]func(*carrier.Cookie){
		"":                      func(*carrier.Cookie) {},
		"Name is \"a b\"":       func(c *carrier.Cookie) { c.Name = "a b" },
		"is spelled __Host-":    func(c *carrier.Cookie) { c.Name = "__HOST-id" },
		"rules a Domain out":    func(c *carrier.Cookie) { c.Domain = "example.com" },
		"takes the path /":      func(c *carrier.Cookie) { c.Path = "/app" },
		"takes Secure":          func(c *carrier.Cookie) { c.Insecure = true },
		"must begin with /":     func(c *carrier.Cookie) { c.Name, c.Path = "id", "app" },
		"without . and ..":      func(c *carrier.Cookie) { c.Name, c.Path = "id", "/a/%2e%2E" },
		"percent-encoded":       func(c *carrier.Cookie) { c.Name, c.Path = "id", "/ä" },
		"one label":             func(c *carrier.Cookie) { c.Name, c.Domain = "id", "localhost" },
		"an address":            func(c *carrier.Cookie) { c.Name, c.Domain = "id", "192.0.2.1" },
		"ends in a number":      func(c *carrier.Cookie) { c.Name, c.Domain = "id", "a.42" },
		"Lax, Strict or None":   func(c *carrier.Cookie) { c.SameSite = http.SameSiteDefaultMode },
		"SameSite None and Sec": func(c *carrier.Cookie) { c.Partitioned = true },
	} {
		c := good
		change(&c)
		all := c.Mistakes()
		if says == "" && len(all) > 0 || says != "" && (len(all) != 1 || !strings.Contains(all[0], says)) {
			t.Errorf("%+v: %q, want one mistake with %q", c, all, says)
		}
	}
}

// What is lost is told once: the next request says nothing new.
func TestALostCookieIsToldOnce(t *testing.T) {
	lost := carrier.Lost{Cookie: carrier.Cookie{Name: "id", Path: "/app"}}
	r := httptest.NewRequest("POST", "/shop", nil)
	r.Host = "Dev.example"
	r.Header.Set("Origin", "http://dev.example")
	for round, want := range []string{"dev.example true, /shop true", " false,  false"} {
		host, noTLS := lost.WithoutTLS(r)
		path, outside := lost.Outside(r)
		if got := fmt.Sprintf("%s %v, %s %v", host, noTLS, path, outside); got != want {
			t.Errorf("round %d: %s, want %s", round, got, want)
		}
	}
}

// The browser asked for a path of the cookie, or it would not have sent it.
func TestAPathThatAProxyChangesSaysNothing(t *testing.T) {
	lost := carrier.Lost{Cookie: carrier.Cookie{Name: "id", Path: "/app"}}
	r := httptest.NewRequest("GET", "/shop", nil)
	lost.CameBack(r)
	if path, outside := lost.Outside(r); outside {
		t.Errorf("%s is said to be outside", path)
	}
}
