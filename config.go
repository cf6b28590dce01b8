package session

import (
	"context"
	"net/http"
	"net/textproto"
	"time"

	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/store"
)

// A Config says how a Manager works. Its zero value is the safe production
// setting. Settings that contradict each other are errors of [NewManager].
type Config struct {
	// App is the name of the application: 1 to 48 letters, digits and - _ .,
	// beginning with a letter or a digit, and not ending in -csrf, which the cookie
	// of [Session.Binding] ends in. It names the cookie, __Host-shop for
	// "shop". It is also the realm: the tokens and subjects of one App
	// are unknown to another, on the same host and in the same store. Only IDs are common to
	// all: [Manager.Revoke] takes any. All machines of an
	// application use one name, and to change it signs everybody out.
	//
	// A store that other programs can reach over the network, such as PostgreSQL
	// or Redis, needs an App (see [store.Sharer]). With others it may be empty,
	// which is the default: the cookie is __Host-id then, and its name the realm.
	App string

	// Lifetime ends a session however much it is used, counted from its
	// creation or its last Login. At least a second. Default 24 hours.
	Lifetime time.Duration

	// IdleTimeout ends a session that is not used. At least a second, at most
	// Lifetime. Default 1 hour, or Lifetime if that is less.
	IdleTimeout time.Duration

	// MaxLifetime and MaxIdleTimeout limit what [Session.SetLifetime] may give a
	// session. At least Lifetime and IdleTimeout. Default Lifetime, and MaxLifetime. If
	// you lower them later, they hold for an existing session from its next use on, but
	// its deadline stays until it is reauthenticated.
	MaxLifetime, MaxIdleTimeout time.Duration

	// AnonymousLifetime is the Lifetime of a session until its first Login. At
	// least a second, at most Lifetime, which is the default.
	AnonymousLifetime time.Duration

	// AdmitAnonymous is called before an anonymous session is stored for the first time.
	// If it returns an error, the commit fails with [ErrRefused]. It is not called for
	// sign-ins, so that a flood of visitors cannot keep users out. [LimitRate] returns
	// such a function. Not for [NewSealed]. Default none: all are stored.
	AdmitAnonymous func(r *http.Request) error

	// MaxSessions is how many live sessions a subject may have. A Login over it ends
	// those that signed in longest ago. With RefuseLogin it fails with
	// [ErrTooManySessions] instead, unless the client presents a token of one of these
	// sessions that was killed less than Grace ago: that session ends.
	//
	// It needs a store that can list, and lists at each sign-in. With RefuseLogin it
	// keeps a small record of each subject, until 400 days after its last sign-in, or
	// MaxLifetime if that is longer.
	//
	// Default 0, any number: only a valid sign-in makes one more, [Manager.List] and
	// [Manager.RevokeAll] need no more memory for many, and with any limit programs that
	// share an account would sign each other out.
	MaxSessions int
	RefuseLogin bool

	// TouchInterval is how often, at most, the use of a session is written if nothing
	// else is. So a session may end by up to this much before IdleTimeout, and never
	// after. At most half of IdleTimeout. Default a 60th of IdleTimeout.
	TouchInterval time.Duration

	// RotateEvery is the age at which the middleware replaces the token of a session. The
	// old token stays valid until the new one was seen, and for Grace after. More than
	// Grace. Default 0: no token is replaced because of its age.
	RotateEvery time.Duration

	// Grace is how long a token stays valid after its successor by rotation or
	// SetLifetime was first seen. It is also how long a token that Login, Renew or
	// Reauthenticate killed is not taken for a stolen one, because requests that carry it
	// may be under way. Default 1 minute.
	Grace time.Duration

	// LoadTimeout limits the load before the handler. CommitTimeout limits each commit,
	// including the wait for other writers of the session, and is at most 30 seconds.
	// Default 5 seconds each.
	LoadTimeout, CommitTimeout time.Duration

	// WatchInterval is how often the sessions of [Session.Watch] are looked at, all together,
	// where the store cannot tell of changes by itself. Default 5 seconds.
	WatchInterval time.Duration

	// GCInterval is the time between two rounds of garbage collection in the background,
	// if the store needs it. Negative: none, call Manager.GC yourself. Default 5
	// minutes.
	GCInterval time.Duration

	// MaxSize is the limit of the keys and values of a session, encoded, in
	// bytes, at most 1,000,000. Default 65,536.
	MaxSize int

	// MaxValues is the limit of the number of values. Default 1,000.
	MaxValues int

	// MaxPending is the limit of changes between two commits. Changes of one key count
	// once if the last makes the others pointless. Default 2,000.
	MaxPending int

	// NotBefore is where [NewSealed] keeps, for each subject, when RevokeAll was last
	// called, so that "sign out everywhere" ends copied cookies too. Any store will do,
	// also one with sessions in it. You close it. Default none: RevokeAll is not
	// supported. NewManager refuses it.
	NotBefore store.Store

	// Client returns what [Manager.List] shows of a client that signs in, as
	// [RequestClient] does. Default none: nothing is kept.
	Client func(r *http.Request) Client

	// Cookie is how the client keeps its token.
	Cookie Cookie

	// Header names the header of requests that carries the token instead of the cookie,
	// for clients that are not browsers: "Authorization", with the token after the word
	// Bearer (RFC 6750), or another name, with nothing but the token.
	//
	// The client keeps the new token that a response has in the header of the same name,
	// or in Session-Token for Authorization. An empty one tells the client to forget its
	// token, after [Session.Destroy] or a call of [Session.Lapsed]. The cookie is neither read
	// nor set. Default "": the cookie.
	Header string

	// Codec encodes the values that have no form of their own. If you change it, the
	// stored values of such types count as absent. Default encoding/json.
	Codec Codec

	// ErrorHandler answers a request whose session could not be loaded or
	// committed, or that a middleware such as csrf.Require refuses. Nothing of the
	// handler's answer has left. It must not show err to the client. After a failed
	// commit the session takes no more changes: each returns that error. The status is that
	// of [ErrorStatus] unless it writes another. Default a plain page with the status and its text.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)

	// Skip returns true for requests to leave alone, such as those for static files. They
	// cost nothing, and their context holds no session. Default none.
	Skip func(r *http.Request) bool

	// Passive returns true for requests that do not count as use of their session, such
	// as those of an open page that polls for news: it would keep its session alive for
	// ever. Their changes are kept. A request counts anyway if it calls [Session.Touch],
	// stores a new session, or gives the client another token. Default none.
	Passive func(r *http.Request) bool

	// Observer is called with each event, on the goroutine it happens on. It must not
	// block and must not use the session. If it does something else with events, such as
	// count them, it should call [LogEvent] as well. Default LogEvent, which logs errors
	// and warnings to [slog.Default], and the rest at debug level.
	Observer func(ctx context.Context, e Event)
}

// Config returns the settings of the manager, with the defaults in the place of what
// was zero.
func (m *Manager) Config() Config { return m.cfg }

// metaReserve is what an envelope may need in bytes beside its values.
const metaReserve = 4096

func (c Config) withDefaults() Config {
	setDefault(&c.Lifetime, 24*time.Hour)
	setDefault(&c.IdleTimeout, min(time.Hour, c.Lifetime))
	setDefault(&c.MaxLifetime, c.Lifetime)
	setDefault(&c.AnonymousLifetime, c.Lifetime)
	setDefault(&c.MaxIdleTimeout, c.MaxLifetime)
	setDefault(&c.TouchInterval, c.IdleTimeout/60)
	setDefault(&c.Grace, time.Minute)
	setDefault(&c.LoadTimeout, 5*time.Second)
	setDefault(&c.CommitTimeout, 5*time.Second)
	setDefault(&c.WatchInterval, 5*time.Second)
	setDefault(&c.GCInterval, 5*time.Minute)
	setDefault(&c.MaxSize, 64<<10)
	setDefault(&c.MaxValues, 1000)
	setDefault(&c.MaxPending, 2000)
	c.Cookie = c.Cookie.withDefaults(c.App)
	c.Header = textproto.CanonicalMIMEHeaderKey(c.Header)
	if c.Codec == nil {
		c.Codec = envelope.JSON{}
	}
	if c.ErrorHandler == nil {
		c.ErrorHandler = answerError
	}
	if c.Skip == nil {
		c.Skip = func(*http.Request) bool { return false }
	}
	if c.Observer == nil {
		c.Observer = LogEvent
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
