package session

import (
	"net/http"
	"net/netip"
	"strings"
)

// A Client is what a device list shows of the client that signed in. It is what
// the client says of itself, and proves nothing.
type Client struct {
	UserAgent     string // at most 256 bytes are kept
	AddressFamily string // "IPv4", "IPv6" or ""; at most 16 bytes are kept
}

// Limits of what is kept of a Client, in bytes.
const (
	maxUserAgent     = 256
	maxAddressFamily = 16
)

// RequestClient is a function for Config.Client: the header User-Agent, and the
// family of the address that the request came from, which behind a proxy is
// the proxy's.
func RequestClient(r *http.Request) Client {
	c := Client{UserAgent: r.UserAgent()}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.AddressFamily = "IPv6"
		if addr.Addr().Unmap().Is4() {
			c.AddressFamily = "IPv4"
		}
	}
	return c
}

// client returns what is to be kept of the client of this request.
func (s *Session) client() Client {
	if s.m.cfg.Client == nil || s.request == nil {
		return Client{}
	}
	c := s.m.cfg.Client(s.request)
	return Client{shorten(c.UserAgent, maxUserAgent), shorten(c.AddressFamily, maxAddressFamily)}
}

// shorten cuts a text to a length, and what is no UTF-8 out of it.
func shorten(text string, length int) string {
	return strings.ToValidUTF8(text[:min(len(text), length)], "")
}
