package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/b4468f51/session/internal/carrier"
	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
)

// A Manager keeps the sessions of one application in a store. It hashes,
// encodes, merges, times and names cookies; the store keeps bytes. It may be
// used by several goroutines at once.
type Manager struct {
	host       *life.Host
	store      store.Store // with NewSealed that of Config.NotBefore, or nil
	cfg        Config
	carrier    carrier.Carrier
	bindCookie carrier.Cookie // of bindings
	lost       carrier.Lost

	ownsStore bool
	close     sync.Once
	closeErr  error
	stopGC    context.CancelFunc
	gcDone    chan struct{}
}

// NewManager returns a Manager over a store, which the caller closes after it.
// It returns an error that names each mistake if settings contradict each other or the
// store. It does not use the store yet. If the store needs garbage collection, that runs in
// the background until Close.
func NewManager(s store.Store, cfg Config) (*Manager, error) {
	m, err := newManager(s, cfg, func(c *Config) error { return c.validateStore(s) })
	if err != nil {
		return nil, err
	}
	m.host = life.NewHost(s, m.settings())
	m.startGC()
	return m, nil
}

// newManager returns a Manager. It checks all settings, those of its kind too by
// fits, so that an error names each mistake.
func newManager(s store.Store, cfg Config, fits func(*Config) error) (*Manager, error) {
	cfg = cfg.withDefaults()
	if err := errors.Join(cfg.validate(), fits(&cfg)); err != nil {
		return nil, err
	}
	return &Manager{
		store: s, cfg: cfg,
		carrier:    carrier.New(cfg.Cookie.carried(), cfg.Header),
		bindCookie: cfg.bindCookie(),
		lost:       carrier.Lost{Cookie: cfg.Cookie.carried()},
	}, nil
}

// settings are what of the Config the life of a session depends on.
func (m *Manager) settings() life.Settings {
	c := &m.cfg
	return life.Settings{
		Rules: change.Rules{
			MaxSize: c.MaxSize, MaxValues: c.MaxValues, MaxPending: c.MaxPending,
			Lifetime: c.Lifetime, Anonymous: c.AnonymousLifetime, MaxLifetime: c.MaxLifetime, Grace: c.Grace,
			Touch: c.TouchInterval, Idle: c.IdleTimeout, MaxIdle: c.MaxIdleTimeout,
		},
		Realm: c.realm(), Persistent: c.Cookie.Persistent, RotateEvery: c.RotateEvery,
		// No session outlives a mark, not even one that was sealed while MaxLifetime was longer.
		MarkLife:    max(c.MaxLifetime, carrier.MaxAge),
		LoadTimeout: c.LoadTimeout, CommitTimeout: c.CommitTimeout,
		MaxSessions: c.MaxSessions, RefuseLogin: c.RefuseLogin, WatchEvery: c.WatchInterval,
		Report: m.reportLife,
	}
}

// Open returns a Manager over a store that it opens by URL, such as "memory:"
// or "sqlite:app.db", and closes in Close. The package of the store must be
// imported, if only for its side effect; see [store.Open].
func Open(url string, cfg Config) (*Manager, error) {
	s, err := store.Open(url)
	if err != nil {
		return nil, err
	}
	m, err := NewManager(s, cfg)
	if err != nil {
		return nil, errors.Join(err, store.Close(s))
	}
	m.ownsStore = true
	return m, nil
}

// Close stops garbage collection, ends all watches, and closes the store if Open opened it. Call it when no
// request is under way any more, as after [http.Server.Shutdown]. Further calls return what
// the first did.
func (m *Manager) Close() error {
	m.close.Do(func() {
		m.host.Close()
		m.stopGC()
		<-m.gcDone
		if m.ownsStore {
			m.closeErr = store.Close(m.store)
		}
	})
	return m.closeErr
}

// Ping tells whether the store answers, for health checks. If the store cannot tell, the
// error wraps [errors.ErrUnsupported].
func (m *Manager) Ping(ctx context.Context) error {
	if err := store.Ping(ctx, m.store); err != nil {
		return commit.Failed("ping", err)
	}
	return nil
}

// Load returns the session of a request, or a new one if it has none. Under Handler it
// returns the session of the request's context. A new session costs nothing until it is
// changed.
//
// Load and Commit are for frameworks without an [http.ResponseWriter]. Load writes nothing:
// Commit writes that the session was used. If more than a minute may pass between the two,
// call [Session.Touch] first, so that the session does not expire meanwhile.
//
// After an error the client may still have a session, which cannot be loaded now. Answer
// with an error, as [ErrorStatus] suggests, and set no cookie.
func (m *Manager) Load(r *http.Request) (*Session, error) {
	if s := m.FromContext(r.Context()); s != nil {
		return s, nil
	}
	s := new(Session)
	if err := m.load(r, s, new(limit.Context)); err != nil {
		return nil, err
	}
	return s, nil
}

// Commit writes what changed since Load, and returns the cookie that the response must
// carry, or nil. A response with the cookie must carry Cache-Control: no-store too, and no
// CDN-Cache-Control or the like. A response whose content depends on the session must carry
// Vary: Cookie. With Config.Header the name and the value of the cookie are those of a
// header of the response; an empty value clears it.
//
// Commit goes on when ctx is cancelled, within Config.CommitTimeout. Errors are those of
// [Session.Save]: answer with an error then, and send neither content nor cookie. See
// the example of [Manager.Load].
func (m *Manager) Commit(ctx context.Context, s *Session) (*http.Cookie, error) {
	if s == nil {
		return nil, ErrNoSession
	}
	if s.m != m {
		return nil, errors.New("session: Commit of a session that belongs to another Manager")
	}
	if err := s.life.Commit(ctx, false); err != nil {
		return nil, err
	}
	s.life.TellUnsaved(ctx)
	if token, ok := s.life.TakeToken(); ok {
		return m.carrier.HTTPCookie(token.Text, token.Until), nil
	}
	return nil, nil
}

// Start returns the session of a request, for a handler that [Manager.Handler] does not
// wrap. It stores a new session at once, and its cookie is in w's header when Start returns.
// (If another site has made the request, there is no cookie: see [Manager.Handler].)
//
// Call Start once a request, and pass the Session on. Call [Session.Save] at the end, before
// writing the response if it may set a cookie. Under Handler, Start returns the request's
// own session, whose cookie leaves with the first byte.
func (m *Manager) Start(w http.ResponseWriter, r *http.Request) (*Session, error) {
	s, err := m.direct(w, r)
	if err != nil {
		return nil, err
	}
	if err := s.life.Commit(r.Context(), true); err != nil {
		return nil, err
	}
	s.deliver()
	return s, nil
}

// Destroy ends the session of a request and clears its cookie, as
// [Session.Destroy] does. A request without a token costs nothing.
func (m *Manager) Destroy(w http.ResponseWriter, r *http.Request) error {
	s, err := m.direct(w, r)
	if err != nil {
		return err
	}
	return s.Destroy(r.Context())
}

// direct returns the session of a request, which outside of Handler writes its
// cookies to w as soon as they are due.
func (m *Manager) direct(w http.ResponseWriter, r *http.Request) (*Session, error) {
	if s := m.FromContext(r.Context()); s != nil {
		return s, nil
	}
	s, err := m.Load(r)
	if err != nil {
		return nil, err
	}
	h := w.Header()
	s.extras().header = &h
	s.life.GiveHeader()
	m.carrier.Vary(h, new([1]string))
	return s, nil
}

// Format writes the realm, whatever the verb: what a Manager holds is not for
// logs.
func (m *Manager) Format(f fmt.State, _ rune) {
	io.WriteString(f, "session manager of realm "+m.cfg.realm())
}
