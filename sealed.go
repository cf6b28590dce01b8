package session

import (
	"context"

	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/store"
)

// A Sealer turns records into tokens that the client keeps, and back. Tokens are encrypted
// and authenticated, and their characters fit a cookie. Several goroutines may call its
// methods at once. ctx ends with Config.CommitTimeout and LoadTimeout. Package
// store/cookiestore has a Sealer over keys of your own.
//
// The scope names the purpose, the cookie and Config.App. A token that was sealed for one
// scope must not open for another.
type Sealer interface {
	// Seal returns a token that holds all of rec but its Version.
	Seal(ctx context.Context, scope string, rec store.Record) (token string, err error)

	// Open returns what was sealed. For a token that is invalid, for whatever reason, the
	// error wraps [store.ErrNotFound], and the client is anonymous. Any other error means
	// that nobody can tell, and is answered with 503. Reseal asks to replace the token
	// soon, as after a change of keys. Open need not look at the times.
	Open(ctx context.Context, scope, token string) (rec store.Record, reseal bool, err error)
}

// sealedSize is the default of Config.MaxSize: it leaves room for the times, a
// subject and a name of common length, and encryption and base64.
const sealedSize = 2800

// NewSealed returns a Manager that keeps nothing on the server: the whole session is in the
// cookie, sealed. It needs no database, and promises less:
//
//   - A copy of a cookie, or an older cookie, stays valid until its deadline. Destroy clears
//     the cookie of this client, and Login and Renew replace it, but they do not reach a
//     copy. With Config.NotBefore, [Manager.RevokeAll] ends every session of a subject,
//     copies too. That costs one load for each request of a signed-in user.
//   - Each of several concurrent requests begins with the cookie it came with, and the last
//     answer wins. The changes of the others are lost, an Update counts once, two requests
//     may Pop the same value, and a session that one request destroyed comes back with the
//     answer of another. Even a request that only reads may set the cookie, and so undo a
//     change.
//   - Every change needs a cookie. After the first byte each returns [ErrHeadersSent], also
//     Destroy. What Save has sealed is kept only if the header of the answer arrives.
//   - Name and value of the cookie have at most 4,096 bytes. Config.MaxSize is 2,800 by
//     default, and a commit that does not fit returns [ErrTooLarge].
//   - There is no list of sessions. List, Revoke and Edit return an error that wraps
//     [errors.ErrUnsupported], and so does RevokeAll without Config.NotBefore.
//
// Use is written by sealing the session again, at most once per Config.TouchInterval.
// Config.RotateEvery is an error, because every change replaces the cookie anyway.
// Everything else is as with a store.
func NewSealed(sealer Sealer, cfg Config) (*Manager, error) {
	setDefault(&cfg.MaxSize, sealedSize)
	m, err := newManager(cfg.NotBefore, cfg, func(c *Config) error { return c.validateSealed(sealer) })
	if err != nil {
		return nil, err
	}
	m.host = life.NewSealedHost(sealer, cfg.NotBefore, m.cfg.Cookie.Name, m.settings())
	m.startGC()
	return m, nil
}
