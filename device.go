package session

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

// maxLabel is the longest label, in bytes.
const maxLabel = 128

// SetLabel names the session in the list of its subject, for example "Laptop at work". An
// empty label removes the name. The label is valid UTF-8 of at most 128 bytes, and ends with
// the sign-in. SetLabel is an error on an anonymous session. Other errors are those of
// [Session.Set]. See the example of [Manager.RevokeFor].
func (s *Session) SetLabel(label string) error {
	if s == nil {
		return ErrNoSession
	}
	if err := s.life.Ready(); err != nil {
		return s.life.Refuse(change.Label, "", err)
	}
	if len(label) > maxLabel || !utf8.ValidString(label) {
		return s.life.Refuse(change.Label, "", fmt.Errorf("session: a label of %d bytes: it must be valid UTF-8 of at most %d", len(label), maxLabel))
	}
	if s.Subject() == "" {
		return s.life.Refuse(change.Label, "", errors.New("session: label an anonymous session: Login comes first"))
	}
	return s.apply(change.Op{Kind: change.Label, Value: envelope.Value{Data: []byte(label)}})
}

// Label returns what SetLabel was given, and "" by default. See the example of
// [Manager.RevokeFor].
func (s *Session) Label() string {
	return view(s, func(d *change.Draft) string { return d.Meta().Label() })
}

// A Client is what a device list shows of the client that signed in. The client says it of
// itself, so it proves nothing.
type Client struct {
	UserAgent     string // at most 256 bytes are kept
	AddressFamily string // "IPv4", "IPv6" or ""; at most 16 bytes are kept
}

// Limits of what is kept of a Client, in bytes.
const (
	maxUserAgent     = 256
	maxAddressFamily = 16
)

// RequestClient is a function for Config.Client. It returns the header User-Agent and the
// family of the address that the request came from. Behind a proxy that is the proxy's.
// See the example of [Manager.RevokeFor].
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
