package session

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/b4468f51/session/internal/carrier"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// validate checks a Config that has its defaults. It names every mistake.
func (c Config) validate() error {
	var errs []error
	wrong := func(yes bool, format string, args ...any) {
		if yes {
			errs = append(errs, fmt.Errorf("session: Config."+format, args...))
		}
	}
	wrong(c.Lifetime < time.Second, "Lifetime is %v: it must be at least a second", c.Lifetime)
	wrong(c.IdleTimeout < time.Second, "IdleTimeout is %v: it must be at least a second", c.IdleTimeout)
	wrong(c.IdleTimeout > c.Lifetime, "IdleTimeout %v exceeds Lifetime %v: to have no idle timeout set both to the same", c.IdleTimeout, c.Lifetime)
	wrong(c.MaxLifetime < c.Lifetime, "MaxLifetime %v is less than Lifetime %v", c.MaxLifetime, c.Lifetime)
	wrong(c.MaxIdleTimeout < c.IdleTimeout || c.MaxIdleTimeout > c.MaxLifetime, "MaxIdleTimeout is %v: it must be IdleTimeout, %v, to MaxLifetime, %v", c.MaxIdleTimeout, c.IdleTimeout, c.MaxLifetime)
	wrong(c.AnonymousLifetime < time.Second || c.AnonymousLifetime > c.Lifetime, "AnonymousLifetime is %v: it must be a second to Lifetime, %v", c.AnonymousLifetime, c.Lifetime)
	wrong(c.MaxSessions < 0, "MaxSessions is %d: it must not be negative", c.MaxSessions)
	wrong(c.RefuseLogin && c.MaxSessions == 0, "RefuseLogin takes MaxSessions")
	wrong(c.TouchInterval <= 0 || c.TouchInterval > c.IdleTimeout/2, "TouchInterval is %v: it must be positive and at most half of IdleTimeout, %v", c.TouchInterval, c.IdleTimeout/2)
	wrong(c.Grace < 0, "Grace is %v: it must not be negative", c.Grace)
	wrong(c.RotateEvery != 0 && c.RotateEvery <= c.Grace, "RotateEvery is %v: it must be more than Grace, %v, or 0 for no rotation", c.RotateEvery, c.Grace)
	wrong(c.WatchInterval < 0, "WatchInterval is %v: it must be positive", c.WatchInterval)
	wrong(c.LoadTimeout < 0, "LoadTimeout is %v: it must be positive", c.LoadTimeout)
	wrong(c.CommitTimeout < 0 || c.CommitTimeout > commit.Window/2, "CommitTimeout is %v: it must be positive and at most %v", c.CommitTimeout, commit.Window/2)
	wrong(c.MaxSize < 0 || c.MaxSize > store.MaxData-metaReserve, "MaxSize is %d: it must be 1 to %d bytes", c.MaxSize, store.MaxData-metaReserve)
	wrong(c.MaxValues < 0, "MaxValues is %d: it must be positive", c.MaxValues)
	wrong(c.MaxPending < 0, "MaxPending is %d: it must be positive", c.MaxPending)
	wrong(c.App != "" && !validApp(c.App), "App is %q: it must be 1 to %d letters, digits and - _ ., begin with a letter or a digit, and not end in %s", c.App, maxApp, bindSuffix)
	errs = append(errs, c.Cookie.validate(), validateHeader(c.Header))
	wrong(c.Cookie.Persistent && c.Lifetime > carrier.MaxAge, "Lifetime is %v: browsers keep a persistent cookie for at most 400 days, %v", c.Lifetime, carrier.MaxAge)
	return errors.Join(errs...)
}

// maxApp is the longest Config.App: with the prefix, it is a valid name of a
// cookie.
const maxApp = 48

// The longest realm is the longest name of a cookie: each can be hashed.
var _ [sid.MaxRealm - carrier.MaxName]struct{}

// validApp tells whether a name is fit for a cookie and before the colon of a
// subject in the store. The cookie of another App's bindings has no such name.
func validApp(name string) bool {
	for i := range len(name) {
		c := name[i]
		switch {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
		case i > 0 && (c == '-' || c == '_' || c == '.'):
		default:
			return false
		}
	}
	return name != "" && len(name) <= maxApp && !strings.HasSuffix(name, bindSuffix)
}

// realm is what keeps the tokens and subjects of two applications apart.
func (c *Config) realm() string {
	if c.App != "" {
		return c.App
	}
	return c.Cookie.Name
}

// validateStore checks what depends on the store of the sessions.
func (c *Config) validateStore(s store.Store) error {
	var errs []error
	if s == nil {
		errs = append(errs, errors.New("session: NewManager with a nil store: give it memstore.New(), or use Open"))
	}
	if c.NotBefore != nil {
		errs = append(errs, errors.New("session: Config.NotBefore is for NewSealed: with a store, RevokeAll deletes records"))
	}
	if _, ok := s.(store.Lister); c.MaxSessions > 0 && !ok && s != nil {
		errs = append(errs, fmt.Errorf("session: Config.MaxSessions is %d: that takes a store that can list the sessions of a subject", c.MaxSessions))
	}
	errs = append(errs, c.validateShared(s))
	return errors.Join(errs...)
}

// validateSealed checks what depends on the session being in its cookie.
func (c *Config) validateSealed(sealer Sealer) error {
	var errs []error
	if sealer == nil {
		errs = append(errs, errors.New("session: NewSealed with a nil Sealer: give it a cookiestore.Keyring"))
	}
	if c.RotateEvery != 0 {
		errs = append(errs, errors.New("session: Config.RotateEvery: a sealed session has no token to rotate"))
	}
	if c.MaxSessions != 0 || c.AdmitAnonymous != nil {
		errs = append(errs, errors.New("session: Config.MaxSessions and AdmitAnonymous: there are no sessions on the server to limit"))
	}
	if c.MaxSize > life.MaxCookie/4*3 {
		errs = append(errs, fmt.Errorf("session: Config.MaxSize is %d: a cookie holds at most %d bytes", c.MaxSize, life.MaxCookie/4*3))
	}
	errs = append(errs, c.validateShared(c.NotBefore))
	return errors.Join(errs...)
}

// validateShared refuses a nameless application in a store that others use too:
// each would take the tokens and the subjects of all the rest for its own.
func (c *Config) validateShared(s store.Store) error {
	if s == nil || c.App != "" || !store.Shared(s) {
		return nil
	}
	return fmt.Errorf("session: Config.App is empty, and other programs can reach this store, a %T: "+
		"without a name of its own, this program and theirs would share their users' sign-ins; "+
		`set the name of your application, as in session.Config{App: "shop"}`, s)
}

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
