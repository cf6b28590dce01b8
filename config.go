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
	// "shop". It is also the realm: tokens and subjects of one App mean nothing
	// to another, on the same host and in the same store. Only IDs are common to
	// all: [Manager.Revoke] and [Manager.Edit] take any. All machines of an
	// application use one name, and to change it signs everybody out.
	//
	// A store that other programs can reach over the network, such as PostgreSQL
	// or Redis, takes an App (see [store.Sharer]). With others it may be empty,
	// which is the default: the cookie is __Host-id then, and its name the realm.
	App string

	// Lifetime ends a session however much it is used, counted from its
	// creation or its last Login. At least a second. Default 24 hours.
	Lifetime time.Duration

	// IdleTimeout ends a session that is not used. At least a second, at most
	// Lifetime. Default 1 hour, or Lifetime if that is less.
	IdleTimeout time.Duration

	// MaxLifetime and MaxIdleTimeout are the limits of what
	// [Session.SetLifetime] may give a session of its own. At least Lifetime and
	// IdleTimeout. Default Lifetime, and MaxLifetime. Lowered later, they hold
	// for a session of before from its next use on, but its deadline stays until
	// it is reauthenticated.
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
	// [ErrTooManySessions], unless the client presents a token that was killed
	// less than Grace ago, of one of these sessions: that one ends. It takes a
	// store that can list, and lists at each sign-in; with RefuseLogin it keeps a
	// small record of each subject besides, until 400 days after its last sign-in,
	// or MaxLifetime if that is longer. Default 0, any number: it
	// takes a good sign-in to make one more, [Manager.List] and
	// [Manager.RevokeAll] take no more memory for many, and programs that share
	// an account would sign each other out at any limit.
	MaxSessions int
	RefuseLogin bool

	// TouchInterval is how often, at most, the use of a session is written
	// down where nothing else is. So a session may end by up to this much
	// before IdleTimeout, and never after. At most half of IdleTimeout.
	// Default a 60th of IdleTimeout.
	TouchInterval time.Duration

	// RotateEvery is the age at which the middleware replaces a token by
	// another for the same session, gently: the old one is good until the new
	// one was seen, and for Grace after. More than Grace. Default 0: none is
	// replaced for its age.
	RotateEvery time.Duration

	// Grace is how long a token stays good after its successor by rotation or
	// SetLifetime was first seen, and how long one that Login, Renew or
	// Reauthenticate killed is told
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
	// is over, after [Session.Destroy] or where [Session.Lapsed] was asked. The
	// cookie is neither read nor set then. Default "": the cookie.
	Header string

	// Codec encodes the values that have no form of their own. Changing it
	// makes values of such types absent. Default encoding/json.
	Codec Codec

	// ErrorHandler answers a request whose session could not be loaded or
	// committed, or that a middleware such as csrf.Require refuses. Nothing of the
	// handler's answer has left. It must not show err to the client. The status is that
	// of [ErrorStatus] unless it writes another. Default a plain page with the status and its text.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)

	// Skip leaves requests alone for which it returns true, such as those of
	// static files: they cost nothing, and their context holds no session.
	// Default none.
	Skip func(r *http.Request) bool

	// Passive tells which requests do not count as use of their session, such as
	// those by which an open page asks for news: else that page keeps its session
	// alive for ever. Their changes are kept, and the session ends when it would
	// have; but a request that signs in, or calls [Session.Touch], counts. Default
	// none.
	Passive func(r *http.Request) bool

	// Observer is told of events, on the goroutine they happen on: it must
	// not block, nor use the session. One that does something else with them,
	// such as count, should call [LogEvent] as well. Default LogEvent, which logs
	// to [slog.Default] what went wrong as errors and warnings, and the rest at
	// debug level.
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
