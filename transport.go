package session

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/b4468f51/session/internal/sid"
)

// The token travels in the cookie, or in the header that Config.Header names.
// Nothing else is ever read: a token in a URL or in a form is none.

// A dueCookie is what the response still has to tell the client.
type dueCookie uint8

const (
	cookieNone  dueCookie = iota
	cookieSet             // the token in Session.secret
	cookieClear           // that there is no session any more
)

// maxCandidates bounds the cookies of one name that are looked at.
const maxCandidates = 3

const (
	authorization = "Authorization"

	// tokenHeader is where a response has a new token for Authorization, which
	// is a header of requests alone.
	tokenHeader = "Session-Token"
)

// readTokens finds what may be tokens in a request: different ones only, and
// how many there are. It stops beyond maxCandidates.
func (c *Config) readTokens(h http.Header) (found [maxCandidates]string, different, total int) {
	if c.Header == "" {
		return c.Cookie.read(h)
	}
	for _, line := range h[c.Header] {
		if text, ok := c.cutScheme(line); ok {
			found[0] = text
			different = 1
			total++
		}
	}
	return found, different, total
}

// allTokens finds all that may be tokens in a request.
func (c *Config) allTokens(h http.Header) (found []string) {
	if c.Header == "" {
		for _, line := range h["Cookie"] {
			for {
				val, rest, ok := c.Cookie.cut(line)
				if !ok {
					break
				}
				found, line = append(found, val), rest
			}
		}
		return found
	}
	for _, line := range h[c.Header] {
		if text, ok := c.cutScheme(line); ok {
			found = append(found, text)
		}
	}
	return found
}

// cutScheme returns what stands in a line of Config.Header, after the word Bearer
// where it is Authorization. It is false for another scheme.
func (c *Config) cutScheme(line string) (string, bool) {
	if c.Header == authorization {
		scheme, rest, _ := strings.Cut(line, " ") // RFC 9110, 11.1: in any case
		if !strings.EqualFold(scheme, "Bearer") {
			return "", false
		}
		line = rest
	}
	return textproto.TrimString(line), true
}

// onlyOne tells whether a client that keeps to the rules has no two tokens.
func (c *Config) onlyOne() bool {
	return c.Header != "" || strings.HasPrefix(c.Cookie.Name, hostPrefix)
}

// sendTokenLocked writes the token that is due, if one is, to the header of a
// response.
func (s *Session) sendTokenLocked(h http.Header) {
	token, ok := s.takeTokenLocked()
	if !ok {
		return
	}
	c := &s.m.cfg
	if c.Header == "" {
		c.Cookie.write(h, s.m.cookieLine(&token))
	} else {
		ck := c.tokenCookie(&token)
		h[ck.Name] = []string{ck.Value}
	}
	forbidStore(h)
	if !token.until.IsZero() && s.sends {
		s.keepFormCookieLocked()
		s.sendFormCookieLocked(h)
	}
}

// cookieLine returns what [http.Cookie.String] does, for the most common cookie
// from parts that were made once.
func (m *Manager) cookieLine(t *sentToken) string {
	if t.text != "" && t.until.IsZero() {
		return m.cfg.Cookie.Name + "=" + t.text + m.cookieTail
	}
	return m.cfg.tokenCookie(t).String()
}

// cookieTail returns the attributes of a cookie that ends with the browser.
func (c *Config) cookieTail() string {
	line := c.Cookie.cookie("x", time.Time{}).String()
	return line[len(c.Cookie.Name+"=x"):]
}

// forbidStore keeps caches from storing a response.
func forbidStore(h http.Header) {
	for name := range h {
		if overridesCacheControl(name) {
			delete(h, name)
		}
	}
	if !headerHas(h[cacheControl], "no-store") {
		h[cacheControl] = []string{"no-store"}
	}
}

const cacheControl = "Cache-Control"

// overridesCacheControl tells whether some caches obey a header, however it is
// spelled, rather than Cache-Control: those of RFC 9213, such as CDN-Cache-Control
// and Cloudflare-CDN-Cache-Control, and those of Varnish and Fastly, Akamai and nginx.
func overridesCacheControl(name string) bool {
	is := func(other string) bool { return strings.EqualFold(name, other) }
	if at := len(name) - len("-"+cacheControl); at >= 0 && strings.EqualFold(name[at:], "-"+cacheControl) {
		return true
	}
	return is("Surrogate-Control") || is("Edge-Control") || is("X-Accel-Expires") ||
		is(cacheControl) && name != cacheControl // it would be a second one
}

// vary tells caches that the response depends on the token. Most responses have
// no such line yet, and take the room.
func (c *Config) vary(h http.Header, room *[1]string) {
	carrier := c.Header
	if carrier == "" {
		carrier = "Cookie"
	}
	lines := h["Vary"]
	if len(lines) == 0 {
		h["Vary"] = append(room[:0], carrier)
		return
	}
	if !headerHas(lines, carrier) && !headerHas(lines, "*") {
		h["Vary"] = append(lines[:len(lines):len(lines)], carrier)
	}
}

// headerHas tells whether a comma-separated header holds an element.
func headerHas(lines []string, element string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(textproto.TrimString(part), element) {
				return true
			}
		}
	}
	return false
}

// deliver puts a token that is due into the header that takes it at once, if
// there is one.
func (s *Session) deliver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.header != nil {
		s.sendTokenLocked(*s.header)
	}
}

// A sentToken is what a response tells the client to keep; an empty one clears.
type sentToken struct {
	text  string
	until time.Time // zero: as long as the browser runs
}

// takeTokenLocked returns the token that is due, once.
func (s *Session) takeTokenLocked() (t sentToken, ok bool) {
	due, secret, sealed := s.due, s.secret, s.sealed
	if due == cookieNone {
		return t, false
	}
	s.due, s.secret, s.sealed = cookieNone, nil, nil
	if due == cookieClear {
		s.clientHas = false
		return t, true
	}
	s.clientHas = true
	if sealed != nil {
		t.text = *sealed
	} else {
		t.text = sid.Token{ID: s.draft.Rec.ID, Secret: *secret}.Reveal()
	}
	if s.persistentLocked() {
		t.until = s.draft.Rec.Deadline.Time()
	}
	return t, true
}

// withheldLocked tells whether the client may hold a token that its browser did not
// send, since another site has made the request: SameSite says so of a form that is
// posted from there, and Strict of a link too. A cookie of an anonymous session would
// take the place of that token, and sign the client out.
func (s *Session) withheldLocked() bool {
	if s.draft.Subject() != "" || s.request == nil || s.lapsed || s.clientHas || s.m.cfg.Header != "" ||
		s.request.Header.Get("Sec-Fetch-Site") != "cross-site" {
		return false
	}
	switch s.m.cfg.Cookie.SameSite {
	case http.SameSiteNoneMode:
		return false
	case http.SameSiteStrictMode:
		return true
	}
	switch s.request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	}
	return true
}

// errHandedOver is the ErrHeadersSent of a connection that is to be handed over.
var errHandedOver error = handedOverError{}

type handedOverError struct{}

func (handedOverError) Error() string {
	return "session: a cookie has to be set, and the header is lost when the connection is handed over: " +
		"have it set by a request before; or leave this path out with Config.Skip, call Manager.Start, " +
		"and give its header w.Header() to the upgrade"
}

func (handedOverError) Is(target error) bool { return target == ErrHeadersSent }

// tokenCookie is the cookie for a token; with Config.Header one that has nothing
// but the name of the response's header, and the token.
func (c *Config) tokenCookie(t *sentToken) *http.Cookie {
	switch c.Header {
	case "":
		return c.Cookie.cookie(t.text, t.until)
	case authorization:
		return &http.Cookie{Name: tokenHeader, Value: t.text}
	default:
		return &http.Cookie{Name: c.Header, Value: t.text}
	}
}

// withHeader returns the name of Config.Header as [http.Header] has it.
func withHeader(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

// validateHeader checks Config.Header.
func validateHeader(name string) error {
	letter := func(r rune) bool {
		return r == '-' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !letter(r) }) {
		return fmt.Errorf("session: Config.Header is %q: it must consist of letters, digits and hyphens", name)
	}
	switch name {
	case "Cookie", "Set-Cookie", "Host", "Cache-Control", "Vary", "Content-Length", "Content-Type":
		return errors.New("session: Config.Header is " + name + ", which has a meaning of its own: take Authorization or another name")
	}
	return nil
}
