package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// A Config says how a Manager works. Its zero value is the safe production
// setting. Settings that contradict each other are errors of [NewManager].
type Config struct {
	// Lifetime ends a session however much it is used, counted from its
	// creation or its last Login. At least a second. Default 24 hours.
	Lifetime time.Duration

	// IdleTimeout ends a session that is not used. At least a second, at most
	// Lifetime. Default 1 hour, or Lifetime if that is less.
	IdleTimeout time.Duration

	// MaxLifetime and MaxIdleTimeout are the limits of what
	// [Session.SetLifetime] may give a session of its own. At least Lifetime
	// and IdleTimeout, which are the defaults. Lowered later, they hold for a
	// session of before from its next use on, but its deadline stays until it
	// is reauthenticated.
	MaxLifetime, MaxIdleTimeout time.Duration

	// AnonymousLifetime is the Lifetime of a session until its first Login. At
	// least a second, at most Lifetime, which is the default.
	AnonymousLifetime time.Duration

	// AdmitAnonymous is asked before an anonymous session is stored for the first
	// time, and refuses with an error: the commit fails with [ErrRefused] then.
	// Sign-ins are never asked for, so that a flood of visitors cannot keep users
	// out. [LimitRate] is one. Not for [NewSealed]. Default none: all are stored.
	AdmitAnonymous func(r *http.Request) error

	// MaxSessions is how many live sessions a subject may have. A Login over it
	// ends those that signed in longest ago; or, with RefuseLogin, fails with
	// [ErrTooManySessions]. It takes a store that can list. Default 0: any number.
	MaxSessions int
	RefuseLogin bool

	// TouchInterval is how often, at most, the use of a session is written
	// down where nothing else is. So a session may end by up to this much
	// before IdleTimeout, and never after. At most half of IdleTimeout.
	// Default a 60th of IdleTimeout.
	TouchInterval time.Duration

	// RotateEvery is the age at which the middleware replaces a token by
	// another for the same session, gently: the old one is good until the new
	// one was seen, and for Grace after. More than Grace. Default 0: only
	// Login and Renew replace tokens.
	RotateEvery time.Duration

	// Grace is how long a token stays good after its successor by rotation
	// was first seen, and how long one that Login or Renew killed is told
	// from a stolen one: requests that carry it may be under way.
	// Default 1 minute.
	Grace time.Duration

	// LoadTimeout limits the load before the handler, CommitTimeout each
	// commit, the wait for other writers of the session included: at most 30
	// seconds. Default 5 seconds each.
	LoadTimeout, CommitTimeout time.Duration

	// GCInterval is the time between two rounds of garbage collection in the
	// background, where the store needs any. Negative: none, call Manager.GC
	// yourself. Default 5 minutes.
	GCInterval time.Duration

	// MaxSize is the limit of the keys and values of a session, encoded, in
	// bytes, at most 1,000,000. Default 65,536.
	MaxSize int

	// MaxValues is the limit of the number of values. Default 1,000.
	MaxValues int

	// MaxPending is the limit of changes between two commits, of which those
	// of one key count once where the last makes the others pointless.
	// Default 2,000.
	MaxPending int

	// Realm keeps the sessions and subjects of two managers on one store
	// apart, not their IDs: Revoke and Edit take any. 1 to 64 printable ASCII characters, no colon. Default the
	// cookie's name. Changing it signs everybody out.
	Realm string

	// NotBefore is where [NewSealed] keeps, for each subject, when RevokeAll
	// was last called, so that "sign out everywhere" ends copied cookies too.
	// Any store will do, one with sessions in it as well; who gave it closes
	// it. Default none: RevokeAll is not supported. NewManager refuses it.
	NotBefore store.Store

	// Client tells what to keep of a client that signs in, for [Manager.List] to
	// show, such as [RequestClient]. Default none: nothing is kept.
	Client func(r *http.Request) Client

	// Cookie is how the client keeps its token.
	Cookie Cookie

	// Header is the header of requests that has the token in the place of the
	// cookie, for clients that are no browsers: "Authorization", after the word
	// Bearer (RFC 6750), or another name, with nothing but the token. A new
	// token is in the response's header of the same name, or Session-Token for
	// Authorization, for the client to keep; an empty one says that the session
	// is over. The cookie is neither read nor set then. Default "": the cookie.
	Header string

	// Codec encodes the values that have no form of their own. Changing it
	// makes values of such types absent. Default encoding/json.
	Codec Codec

	// ErrorHandler answers a request whose session could not be loaded or
	// committed, or that [RequireCSRF] refuses. Nothing of the handler's answer has left. It must not show
	// err to the client. The status is that of [ErrorStatus] unless it writes
	// another. Default a plain page with the status and its text.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)

	// Skip leaves requests alone for which it returns true, such as those of
	// static files: they cost nothing, and their context holds no session.
	// Default none.
	Skip func(r *http.Request) bool

	// Observer is told of events, on the goroutine they happen on: it must
	// not block, nor use the session. Default: log to [slog.Default], what
	// went wrong as errors and warnings, the rest at debug level.
	Observer func(ctx context.Context, e Event)
}

// A Cookie describes the cookie that carries the token. It is always HttpOnly.
// Names and attributes are as in [RFC 6265bis].
//
// [RFC 6265bis]: https://datatracker.ietf.org/doc/draft-ietf-httpbis-rfc6265bis/
type Cookie struct {
	// Name, by default __Host-id, which browsers accept for this host alone,
	// from a secure origin; id where Domain, Path or Insecure rule that out.
	Name string

	// Domain lets subdomains see the cookie. Default none: this host alone.
	Domain string

	// Path, default /.
	Path string

	// SameSite, default Lax. None takes Secure.
	SameSite http.SameSite

	// Insecure leaves the attribute Secure out, for a browser that refuses
	// such cookies on http://localhost. Never in production.
	Insecure bool

	// Partitioned gives each embedding site a cookie of its own (CHIPS). It
	// takes SameSite None and Secure.
	Partitioned bool

	// Persistent adds Max-Age, up to the session's deadline, so that the
	// cookie outlives the browser. It takes a Lifetime of at most 400 days,
	// which is all that browsers grant.
	Persistent bool
}

// maxAge is the longest life that browsers grant a cookie (RFC 6265bis 5.5).
const maxAge = 400 * 24 * time.Hour

// metaReserve is what an envelope may need in bytes beside its values.
const metaReserve = 4096

func (c Config) withDefaults() Config {
	setDefault(&c.Lifetime, 24*time.Hour)
	setDefault(&c.IdleTimeout, min(time.Hour, c.Lifetime))
	setDefault(&c.MaxLifetime, c.Lifetime)
	setDefault(&c.AnonymousLifetime, c.Lifetime)
	setDefault(&c.MaxIdleTimeout, min(c.IdleTimeout, c.MaxLifetime))
	setDefault(&c.TouchInterval, c.IdleTimeout/60)
	setDefault(&c.Grace, time.Minute)
	setDefault(&c.LoadTimeout, 5*time.Second)
	setDefault(&c.CommitTimeout, 5*time.Second)
	setDefault(&c.GCInterval, 5*time.Minute)
	setDefault(&c.MaxSize, 64<<10)
	setDefault(&c.MaxValues, 1000)
	setDefault(&c.MaxPending, 2000)
	c.Cookie = c.Cookie.withDefaults()
	c.Header = withHeader(c.Header)
	setDefault(&c.Realm, c.Cookie.Name)
	if c.Codec == nil {
		c.Codec = jsonCodec{}
	}
	if c.ErrorHandler == nil {
		c.ErrorHandler = answerError
	}
	if c.Skip == nil {
		c.Skip = func(*http.Request) bool { return false }
	}
	if c.Observer == nil {
		c.Observer = logEvent
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

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
	wrong(c.LoadTimeout < 0, "LoadTimeout is %v: it must be positive", c.LoadTimeout)
	wrong(c.CommitTimeout < 0 || c.CommitTimeout > lineageWindow/2, "CommitTimeout is %v: it must be positive and at most %v", c.CommitTimeout, lineageWindow/2)
	wrong(c.MaxSize < 0 || c.MaxSize > store.MaxData-metaReserve, "MaxSize is %d: it must be 1 to %d bytes", c.MaxSize, store.MaxData-metaReserve)
	wrong(c.MaxValues < 0, "MaxValues is %d: it must be positive", c.MaxValues)
	wrong(c.MaxPending < 0, "MaxPending is %d: it must be positive", c.MaxPending)
	wrong(!validRealm(c.Realm), "Realm is %q: it must be 1 to 64 printable ASCII characters without a colon", c.Realm)
	errs = append(errs, c.Cookie.validate(), validateHeader(c.Header))
	wrong(c.Cookie.Persistent && c.Lifetime > maxAge, "Lifetime is %v: browsers keep a persistent cookie for at most 400 days, %v", c.Lifetime, maxAge)
	return errors.Join(errs...)
}

const maxRealm = 64

var _ [sid.MaxRealm - maxRealm]struct{} // a realm that is valid here can be hashed

func validRealm(realm string) bool {
	return len(realm) >= 1 && len(realm) <= maxRealm &&
		!strings.ContainsFunc(realm, func(r rune) bool { return r < ' ' || r > '~' || r == ':' })
}
