package carrier

import (
	"net/http"
	"net/textproto"
	"strings"
)

const cacheControl = "Cache-Control"

// ForbidStore keeps caches from storing a response.
func ForbidStore(h http.Header) {
	for name := range h {
		if overridesCacheControl(name) {
			delete(h, name)
		}
	}
	if !headerHas(h[cacheControl], "no-store") {
		h[cacheControl] = []string{"no-store"}
	}
}

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

// Vary tells caches that the response depends on the token. Most responses have
// no such line yet, and take the room.
func (c *Carrier) Vary(h http.Header, room *[1]string) {
	carrier := c.header
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
