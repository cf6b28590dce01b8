package session

import (
	"cmp"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// Prefixes of names that make a browser refuse a cookie with other attributes.
// One with an http prefix is refused from scripts too; a __Host-Http- cookie is a
// __Host- cookie besides (draft-ietf-httpbis-layered-cookies, 4.1.3).
const (
	hostPrefix     = "__Host-"
	securePrefix   = "__Secure-"
	httpPrefix     = "__Http-"
	hostHTTPPrefix = "__Host-Http-"
)

func (c Cookie) withDefaults(app string) Cookie {
	if c.Name == "" {
		c.Name = cmp.Or(app, "id")
		if c.Domain == "" && (c.Path == "" || c.Path == "/") && !c.Insecure {
			c.Name = hostPrefix + c.Name
		}
	}
	setDefault(&c.Path, "/")
	setDefault(&c.SameSite, http.SameSiteLaxMode)
	return c
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// cookie builds the cookie for a token, the sole place that names its
// attributes. It lasts until a time, or as long as the browser runs where that is
// zero. An empty token clears the cookie: for that, all that identifies it has to
// be as it was when it was set.
func (c Cookie) cookie(token string, until time.Time) *http.Cookie {
	ck := &http.Cookie{
		Name:        c.Name,
		Value:       token,
		Domain:      c.Domain,
		Path:        c.Path,
		Secure:      !c.Insecure,
		HttpOnly:    true,
		SameSite:    c.SameSite,
		Partitioned: c.Partitioned,
	}
	switch {
	case token == "":
		ck.MaxAge = -1 // written as Max-Age=0
		ck.Expires = time.Unix(0, 0)
	case !until.IsZero():
		lasts := max(min(time.Until(until), maxAge).Truncate(time.Second), time.Second)
		ck.MaxAge = int(lasts / time.Second)
		ck.Expires = time.Now().Add(lasts) // for clients that do not know Max-Age
	}
	return ck
}

// write puts a cookie into the header of a response, in the place of one that
// was put there before.
func (c *Cookie) write(h http.Header, cookie string) {
	const setCookie = "Set-Cookie"
	lines := h[setCookie]
	if len(lines) == 0 {
		h[setCookie] = []string{cookie}
		return
	}
	kept := lines[:0:0]
	for _, line := range lines {
		if !strings.HasPrefix(line, c.Name+"=") {
			kept = append(kept, line)
		}
	}
	h[setCookie] = append(kept, cookie)
}

// read finds the values of the cookie in a request, different ones only, and
// how many cookies of the name there are. It stops beyond maxCandidates.
func (c *Cookie) read(h http.Header) (found [maxCandidates]string, different, total int) {
	for _, line := range h["Cookie"] {
		for total <= maxCandidates {
			val, rest, ok := c.cut(line)
			if !ok {
				break
			}
			line = rest
			total++
			if !slices.Contains(found[:different], val) && different < maxCandidates {
				found[different] = val
				different++
			}
		}
	}
	return found, different, total
}

// cut returns the value of the next cookie of this name in a line of the header,
// and the rest of the line. It neither copies nor parses the other cookies, and
// takes names and values as they stand: with another case, or in quotes, it is not
// the cookie that write wrote (RFC 6265bis 5.4).
func (c *Cookie) cut(line string) (val, rest string, ok bool) {
	for {
		at := strings.Index(line, c.Name)
		if at < 0 {
			return "", "", false
		}
		before := textproto.TrimString(line[:at])
		val, line, _ = strings.Cut(line[at+len(c.Name):], ";")
		if before == "" || before[len(before)-1] == ';' {
			if val, ok = strings.CutPrefix(val, "="); ok {
				return strings.TrimRight(val, " \t\r\n"), line, true
			}
		} // else the name is a part of another cookie
	}
}

// needsCookie tells whether the client has to be sent a cookie, and rules out
// that a rotation adds one. A dead token may stay with it.
func (s *Session) needsCookie() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mayRotate = false
	return s.owesCookieLocked() || !s.stored && s.draft.Count() > 0 || s.m.sealer != nil && len(s.ops) > 0 || s.newTokenLocked()
}

// owesCookieLocked tells whether the client misses something without the cookie that is
// due. To keep one that is good for nothing does no harm.
func (s *Session) owesCookieLocked() bool {
	return s.due == cookieSet || s.due == cookieClear && !s.dead || s.formDue
}
