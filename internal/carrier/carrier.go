// Package carrier carries tokens between client and server: in a cookie, or in a
// header. It reads and writes them, and tells caches what they must not keep.
//
// It knows no session. What a token is good for, and when one is due, is the caller's to
// know.
package carrier

import (
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

// Authorization is a header of requests alone. The token is the credentials of the
// scheme Bearer, and a response has a new one in the header Session-Token.
const (
	Authorization = "Authorization"
	tokenHeader   = "Session-Token"
)

// A Carrier carries tokens. Nothing else than the cookie, or the header, is ever read: a
// token in a URL or in a form is none.
type Carrier struct {
	cookie Cookie
	header string // "" for the cookie
	tail   string // of the line of a cookie that ends with the browser, after its value
}

// New returns a Carrier in a cookie, or in a header if one is named.
func New(cookie Cookie, header string) Carrier {
	line := cookie.HTTP("x", time.Time{}).String()
	return Carrier{cookie: cookie, header: textproto.CanonicalMIMEHeaderKey(header), tail: line[len(cookie.Name+"=x"):]}
}

// Read finds what may be tokens in a request: different ones only, and
// how many there are. It stops beyond MaxCandidates.
func (c *Carrier) Read(h http.Header) (found [MaxCandidates]string, different, total int) {
	if c.header == "" {
		return c.cookie.Read(h)
	}
	for _, line := range h[c.header] {
		if text, ok := c.cutScheme(line); ok {
			found[0] = text
			different = 1
			total++
		}
	}
	return found, different, total
}

// All finds all that may be tokens in a request.
func (c *Carrier) All(h http.Header) (found []string) {
	if c.header == "" {
		for _, line := range h["Cookie"] {
			for {
				val, rest, ok := c.cookie.cut(line)
				if !ok {
					break
				}
				found, line = append(found, val), rest
			}
		}
		return found
	}
	for _, line := range h[c.header] {
		if text, ok := c.cutScheme(line); ok {
			found = append(found, text)
		}
	}
	return found
}

// cutScheme returns what stands in a line of the header, after the word Bearer
// where it is Authorization. It is false for another scheme.
func (c *Carrier) cutScheme(line string) (string, bool) {
	if c.header == Authorization {
		scheme, rest, _ := strings.Cut(line, " ") // RFC 9110, 11.1: in any case
		if !strings.EqualFold(scheme, "Bearer") {
			return "", false
		}
		line = rest
	}
	return textproto.TrimString(line), true
}

// OnlyOne tells whether a client that keeps to the rules has no two tokens.
func (c *Carrier) OnlyOne() bool {
	return c.header != "" || strings.HasPrefix(c.cookie.Name, HostPrefix)
}

// Write puts a token into the header of a response, for the client to keep until a time,
// or as long as the browser runs where that is zero. An empty token tells the client to
// forget the one it has. No cache may keep such a response.
func (c *Carrier) Write(h http.Header, token string, until time.Time) {
	switch {
	case c.header != "":
		ck := c.HTTPCookie(token, until)
		h[ck.Name] = []string{ck.Value}
	case token != "" && until.IsZero(): // the most common cookie, of parts that were made once
		c.cookie.put(h, c.cookie.Name+"="+token+c.tail)
	default:
		c.cookie.Write(h, token, until)
	}
	ForbidStore(h)
}

// HTTPCookie returns the cookie for a token; for a header one that has nothing
// but the name of the response's header, and the token.
func (c *Carrier) HTTPCookie(token string, until time.Time) *http.Cookie {
	switch c.header {
	case "":
		return c.cookie.HTTP(token, until)
	case Authorization:
		return &http.Cookie{Name: tokenHeader, Value: token}
	default:
		return &http.Cookie{Name: c.header, Value: token}
	}
}
