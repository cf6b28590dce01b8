package carrier

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Prefixes of names make a browser refuse a cookie with other attributes. Scripts cannot
// set one with an http prefix; a __Host-Http- cookie is a __Host- cookie besides
// (draft-ietf-httpbis-layered-cookies, 4.1.3).
const (
	securePrefix   = "__Secure-"
	httpPrefix     = "__Http-"
	hostHTTPPrefix = "__Host-Http-"
)

// MaxName is the longest name of a cookie, in bytes.
const MaxName = 64

// Longest texts, in bytes: of a domain as in DNS, and of an attribute as browsers have it
// (RFC 6265bis 5.6).
const (
	maxDomain = 253
	maxPath   = 1024
)

// Mistakes returns why browsers drop a cookie with these attributes, or never send it
// back: they say nothing about it, and neither does [http.SetCookie]. Each text begins
// with the attribute. Without a mistake there is none.
func (c *Cookie) Mistakes() (all []string) {
	wrong := func(yes bool, format string, args ...any) {
		if yes {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	wrongText := func(field, text, why string) {
		wrong(why != "", "%s is %.300q: %s", field, text, why)
	}
	wrongText("Name", c.Name, invalidName(c.Name))
	wrongText("Domain", c.Domain, invalidDomain(c.Domain))
	wrongText("Path", c.Path, invalidPath(c.Path))
	// Browsers compare the prefixes without regard to case (RFC 6265bis 5.4).
	secure := false
	for _, prefix := range []string{HostPrefix, hostHTTPPrefix, securePrefix, httpPrefix} {
		if hasPrefixFold(c.Name, prefix) {
			secure = true
			wrong(!strings.HasPrefix(c.Name, prefix), "Name is %q: the prefix is spelled %s", c.Name, prefix)
		}
	}
	host := hasPrefixFold(c.Name, HostPrefix)
	wrong(host && c.Domain != "", "Domain is %q: the prefix %s of Name rules a Domain out", c.Domain, HostPrefix)
	wrong(host && c.Path != "/", "Path is %q: the prefix %s of Name takes the path /", c.Path, HostPrefix)
	wrong(secure && c.Insecure, "Insecure: the prefix of Name %q takes Secure; leave Name empty", c.Name)
	switch c.SameSite {
	case http.SameSiteLaxMode, http.SameSiteStrictMode:
	case http.SameSiteNoneMode:
		wrong(c.Insecure, "SameSite is None, which takes Secure: leave Insecure out")
	default:
		wrong(true, "SameSite is %d: it must be Lax, Strict or None", c.SameSite)
	}
	wrong(c.Partitioned && (c.Insecure || c.SameSite != http.SameSiteNoneMode), "Partitioned takes SameSite None and Secure")
	if err := c.HTTP("", time.Time{}).Valid(); err != nil && len(all) == 0 {
		wrong(true, "Name, Domain or Path: %v", err)
	}
	return all
}

// invalidName returns why a text is no name of a cookie, or "".
func invalidName(name string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const token = letters + "0123456789!#$%&'*+-.^_`|~" // RFC 9110, 5.6.2
	switch {
	case strings.Trim(name, token) != "":
		return "a name consists of letters, digits and !#$%&'*+-.^_`|~"
	case len(name) > MaxName:
		return fmt.Sprintf("it is too long, %d bytes of at most %d", len(name), MaxName)
	}
	return ""
}

// invalidDomain returns why browsers drop a cookie of a domain, or "". A dot in
// front they ignore. It does not know the public suffixes, such as co.uk, which
// browsers refuse as well.
func invalidDomain(domain string) string {
	if domain == "" {
		return ""
	}
	name := strings.TrimPrefix(domain, ".")
	labels := strings.Split(name, ".")
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return "an address has no subdomains; leave Domain out"
	}
	if strings.HasSuffix(name, ".") && name != "." {
		return "browsers drop the cookie of a domain that ends in a dot"
	}
	for _, label := range labels {
		if !validLabel(label) {
			return "it is no domain of letters, digits, hyphens and dots; an international name is written as xn--..."
		}
	}
	switch {
	case len(name) > maxDomain:
		return fmt.Sprintf("it is too long, %d bytes of at most %d", len(name), maxDomain)
	case len(labels) == 1:
		return "browsers drop the cookie of a domain of one label, such as localhost; leave Domain out"
	case strings.Trim(labels[len(labels)-1], "0123456789") == "":
		return "no domain ends in a number"
	}
	return ""
}

// validLabel tells whether a text is a part of a domain, between two dots.
func validLabel(label string) bool {
	other := func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	return len(label) >= 1 && len(label) <= 63 && !strings.ContainsFunc(label, other) &&
		label[0] != '-' && label[len(label)-1] != '-'
}

// invalidPath returns why a cookie of a path cannot be set, or is never sent back,
// or "": no browser asks for a path in that form.
func invalidPath(path string) string {
	encoded := func(r rune) bool { // by browsers, in each path
		return r <= ' ' || r > '~' || strings.ContainsRune("\"#<>?\\^`{}", r)
	}
	switch {
	case !strings.HasPrefix(path, "/"):
		return "it must begin with /"
	case len(path) > maxPath:
		return fmt.Sprintf("it is too long, %d bytes of at most %d", len(path), maxPath)
	case strings.ContainsAny(path, "?#"):
		return "a path has no query and no fragment"
	case strings.Contains(path, ";"):
		return "a semicolon ends the path of a cookie"
	case strings.ContainsFunc(path, encoded):
		return "write it as browsers ask for it, percent-encoded: %20 for a space"
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".", "..":
			return "browsers ask for a path without . and .. in it"
		}
	}
	return ""
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
