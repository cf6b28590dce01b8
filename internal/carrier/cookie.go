package carrier

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// MaxAge is the longest life that browsers grant a cookie (RFC 6265bis 5.5).
const MaxAge = 400 * 24 * time.Hour

// HostPrefix begins the names of cookies of which a browser that keeps to the rules has
// one at most: it takes none that has a Domain or another Path than / (RFC 6265bis
// 4.1.3.2).
const HostPrefix = "__Host-"

// MaxCandidates bounds the cookies of one name that are looked at.
const MaxCandidates = 3

// A Cookie is the attributes of a cookie.
type Cookie struct {
	Name, Domain, Path    string
	SameSite              http.SameSite
	Insecure, Partitioned bool
}

// HTTP builds the cookie of a value; nothing else names its attributes. It lasts until a
// time, or as long as the browser runs if that is zero. An empty value clears the cookie: for
// that, all that identifies the cookie must be as it was when it was set.
func (c *Cookie) HTTP(value string, until time.Time) *http.Cookie {
	ck := &http.Cookie{
		Name:        c.Name,
		Value:       value,
		Domain:      c.Domain,
		Path:        c.Path,
		Secure:      !c.Insecure,
		HttpOnly:    true,
		SameSite:    c.SameSite,
		Partitioned: c.Partitioned,
	}
	switch {
	case value == "":
		ck.MaxAge = -1 // written as Max-Age=0
		ck.Expires = time.Unix(0, 0)
	case !until.IsZero():
		lasts := max(min(time.Until(until), MaxAge).Truncate(time.Second), time.Second)
		ck.MaxAge = int(lasts / time.Second)
		ck.Expires = time.Now().Add(lasts) // for clients that do not know Max-Age
	}
	return ck
}

// Write puts the cookie of a value into the header of a response, in the place of one
// that was put there before. Its other arguments are those of HTTP.
func (c *Cookie) Write(h http.Header, value string, until time.Time) {
	c.put(h, c.HTTP(value, until).String())
}

// put puts the line of a cookie into the header of a response, in the place of one that
// was put there before.
func (c *Cookie) put(h http.Header, cookie string) {
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

// Read finds the values of the cookie in a request, different ones only, and
// how many cookies of the name there are. It stops beyond MaxCandidates.
func (c *Cookie) Read(h http.Header) (found [MaxCandidates]string, different, total int) {
	for _, line := range h["Cookie"] {
		for total <= MaxCandidates {
			val, rest, ok := c.cut(line)
			if !ok {
				break
			}
			line = rest
			total++
			if !slices.Contains(found[:different], val) && different < MaxCandidates {
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
// the cookie that Write wrote (RFC 6265bis 5.4).
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
