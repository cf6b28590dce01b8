package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/b4468f51/session/internal/carrier"
	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/sid"
)

// A Binding binds what the server gives out, such as the token of a form, to one client.
// It is for packages that stand on this one, as package csrf does. Its bytes are a MAC,
// with the secret of a separate cookie; nothing is stored for it. Whoever reads the store
// cannot make them; whoever has the client's cookies can. Compare what is made of them
// in constant time.
type Binding struct {
	// Client is the same for as long as the client keeps the cookie: until the browser
	// ends, or for as long as a persistent session. With it you can tell an
	// old form of this client from a form of another client. It protects nothing: a
	// sibling host that sets the cookie knows it.
	Client []byte

	// SignIn depends on the session too. Each Login, Renew and Reauthenticate changes
	// it; a rotation and a visitor's first session do not. After Destroy it is that of
	// a visitor again.
	SignIn []byte
}

const hiddenBinding = "binding of a client"

// Format writes no byte of the Binding, whatever the verb.
func (Binding) Format(f fmt.State, _ rune) { io.WriteString(f, hiddenBinding) }

// MarshalText writes no byte of it either, for logs.
func (Binding) MarshalText() ([]byte, error) { return []byte(hiddenBinding), nil }

// ErrSeveralCookies is returned by [Session.Bindings] where the request has more cookies
// to bind to than a client can have by itself: two if their name begins with __Host-, and
// more than three if not. Another site of the domain may have planted some.
var ErrSeveralCookies = errors.New("session: the request has several cookies to bind to")

var (
	errForeignBinding = errors.New("session: the request has a cookie to bind to that this site did not set")
	errNothingToBind  = fmt.Errorf("session: with Config.Header there is no cookie to bind to: %w", errors.ErrUnsupported)
)

// bindSuffix ends the name of the cookie, after that of the session's.
const bindSuffix = "-csrf"

// Binding returns what to make a token of, for this client to bring back. The purpose
// keeps the bytes of one use apart from those of all others; the name of a package will
// do. It sets the cookie if the client has none, named as the session's with -csrf behind
// it, but creates no session.
//
// It returns [ErrHeadersSent] where the cookie cannot be sent any more, an error without
// [Manager.Handler] or [Manager.Start], and one that wraps [errors.ErrUnsupported] with
// Config.Header, which other sites cannot send.
func (s *Session) Binding(purpose string) (Binding, error) {
	if s == nil {
		return Binding{}, ErrNoSession
	}
	secret, made, err := s.bindSecret()
	if err != nil {
		return Binding{}, err
	}
	if made {
		s.m.watchCookie(s.request.Context(), s, ID{})
	}
	return s.bindingOf(secret, purpose), nil
}

// bindSecret returns what the client's bindings are made of. It tells whether that is new,
// and in a cookie that is due.
func (s *Session) bindSecret() (secret *sid.Secret, made bool, err error) {
	s.life.Use()
	if s.m.cfg.Header != "" {
		return nil, false, errNothingToBind
	}
	x := s.extras()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.bindSecret == nil {
		if found := s.bindCookies(); found.n > 0 {
			x.bindSecret = &found.secrets[0]
		}
	}
	switch {
	case x.bindSecret != nil:
		return x.bindSecret, false, nil
	case !s.life.HasHeader():
		return nil, false, errors.New("session: a binding takes Manager.Handler or Start, which can set its cookie")
	}
	fresh := sid.NewSecret()
	x.bindSecret, x.bindDue = &fresh, true
	if x.header != nil {
		s.sendBindCookieLocked(x, *x.header)
	}
	// Whoever closes the header looks at what is due afterwards: so one of the two sees
	// the other.
	if x.bindDue && s.life.HeaderClosed() {
		x.bindSecret, x.bindDue = nil, false
		return nil, false, ErrHeadersSent
	}
	return x.bindSecret, true, nil
}

// Bindings returns what a token that the client brings back may have been made of, for
// the same purpose: one Binding for each different cookie that the request has, since a
// sibling host may have planted one beside the client's own. Without a cookie there is
// none. It sets no cookie.
//
// It returns [ErrSeveralCookies] for too many cookies, an error if this package has set
// none of them, and with Config.Header one that wraps [errors.ErrUnsupported]. See the
// example of [Session.Binding].
func (s *Session) Bindings(purpose string) ([]Binding, error) {
	if s == nil {
		return nil, ErrNoSession
	}
	s.life.Use()
	if s.m.cfg.Header != "" {
		return nil, errNothingToBind
	}
	found := s.bindCookies()
	switch {
	case found.total > carrier.MaxCandidates || found.total > 1 && s.m.carrier.OnlyOne():
		return nil, ErrSeveralCookies
	case found.total > 0 && found.n == 0:
		return nil, errForeignBinding
	}
	all := make([]Binding, found.n)
	for i := range all {
		all[i] = s.bindingOf(&found.secrets[i], purpose)
	}
	return all, nil
}

func (s *Session) bindingOf(secret *sid.Secret, purpose string) Binding {
	mac := func(of string, base []byte) []byte {
		h := hmac.New(sha256.New, secret[:])
		io.WriteString(h, "session binding "+of+"\x00"+s.m.cfg.realm()+"\x00")
		h.Write(base) // 32 bytes of the sign-in, none of the client
		io.WriteString(h, purpose)
		return h.Sum(nil)
	}
	base := bindKey(secret)
	if ofSession := view(s, bindBase); ofSession != nil {
		base = ofSession
	}
	return Binding{Client: mac("client", nil), SignIn: mac("sign-in", base)}
}

// bindBase returns what the SignIn of a stored session is made of, nil of a new one.
func bindBase(d *change.Draft) []byte {
	meta := d.Meta()
	if meta.Secret == (sid.Hash{}) {
		return nil
	}
	return meta.BindBase()
}
