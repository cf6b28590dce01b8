package session

import (
	"context"

	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/store"
)

// A Sealer turns records into tokens that the client keeps in their place, and
// back. Tokens are encrypted and authenticated, and their characters fit a
// cookie. Its methods may be called by several goroutines at once; ctx ends with
// Config.CommitTimeout and LoadTimeout. Package store/cookiestore has one over
// keys of your own.
//
// The scope names the purpose, the cookie and Config.App: a token that was
// sealed for one scope must not open for another.
type Sealer interface {
	// Seal returns a token that holds all of rec but its Version.
	Seal(ctx context.Context, scope string, rec store.Record) (token string, err error)

	// Open returns what was sealed. A token that is not good, for whatever
	// reason, is an error that wraps [store.ErrNotFound], and its client
	// anonymous; any other error means that nobody can tell, and is answered
	// with 503. Reseal asks for the token to be replaced soon, as after a
	// change of keys. Open need not look at the times.
	Open(ctx context.Context, scope, token string) (rec store.Record, reseal bool, err error)
}

// sealedSize is the default of Config.MaxSize: it leaves room for the times, a
// subject and a name of common length, and encryption and base64.
const sealedSize = 2800

// NewSealed returns a Manager that keeps nothing on the server: the whole
// session is in the cookie, sealed. It takes no database, and promises less:
//
//   - A copied cookie, or an older one, stays good until its deadline, whatever
//     becomes of the session: Destroy clears the cookie of this client, Login and
//     Renew give it another, and none of them reaches a copy. The remedy is
//     Config.NotBefore: with it [Manager.RevokeAll], "sign out everywhere", ends
//     every session of a subject, copies too, at the price of one load for each
//     request that is signed in.
//   - Concurrent requests each begin from the cookie they came with, and the last
//     answer wins: changes of the others are lost, an Update counts once, a value
//     that Pop took may be given twice, and a session that one request destroyed
//     comes back with the answer of another. Even a request that only reads may
//     set the cookie, and undo a change so.
//   - All changes need a cookie, so after the first byte each returns
//     [ErrHeadersSent], Destroy too. What Save has sealed is kept only if the
//     header of the answer leaves; what an answer that gets lost would have set
//     is lost.
//   - Name and value of the cookie are at most 4,096 bytes: Config.MaxSize is
//     2,800 by default, and a commit that does not fit returns [ErrTooLarge].
//   - There is no list of sessions: List, Revoke and Edit return an error that
//     wraps [errors.ErrUnsupported], as does RevokeAll without Config.NotBefore.
//
// Use is written down by sealing anew, at most once per Config.TouchInterval.
// Config.RotateEvery is an error: every change replaces the cookie already. All
// else is as with a store.
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
