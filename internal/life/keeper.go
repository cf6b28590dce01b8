package life

import (
	"context"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/watch"
	"github.com/b4468f51/session/store"
)

// A keeper is where the sessions of a Host are: in its store, or sealed in their
// cookies. Nothing else asks which of the two it is.
type keeper interface {
	// present finds the session of a token, and makes its draft. The standing of an
	// invalid token is unknown. An error means that nobody can tell.
	present(ctx context.Context, text string, now time.Time, d *change.Draft) (presentation, error)

	// presented returns the sessions of all valid tokens of a request. A request with
	// several uses none of them, but it may end them.
	presented(ctx context.Context, tokens []string, now time.Time) ([]ending, error)

	// commit is Session.commit, of a session whose turn the caller has.
	commit(parent context.Context, s *Session, how commitHow) (dropped bool, err error)

	// look makes a session show what is stored now, and ends it if it is over. With use
	// it counts as use.
	look(ctx context.Context, s *Session, use bool) error

	// remove ends a session.
	remove(ctx context.Context, id store.ID) error

	// revokeAll is Host.RevokeAll. It calls ended with each session, or once with the zero
	// ID if nobody knows which they are.
	revokeAll(ctx context.Context, scoped string, caller *Session, but store.ID, ended func(store.ID)) (int, error)

	// lookAt finds which of the sessions are live. It is watch.Source.Look.
	lookAt(ctx context.Context, sessions []watch.Watched, found func(store.ID, watch.State, time.Time)) error

	// watchedAs returns the ID under which a session of an ID is watched.
	watchedAs(id store.ID) store.ID

	// follow tells which sessions to look at. It is watch.Source.Follow.
	follow(ctx context.Context, changed func(store.ID)) error

	// outrun tells whether a revocation that came before this commit may fail to end what
	// the commit writes. Then the commit has to look for one.
	outrun(c *saving) bool

	// byID and bySubject return an error if sessions cannot be found by ID, or by
	// subject.
	byID(op string) error
	bySubject(op string) error

	// writesWithCookie tells whether the cookie of the answer is the only thing that is
	// ever written: then nothing can be written before the answer or after its header.
	writesWithCookie() bool
}

// inStore keeps sessions in the store, under their IDs.
type inStore struct{ h *Host }

// inCookie keeps each session sealed in its cookie, and nothing on the server.
type inCookie struct {
	h      *Host
	sealer Sealer
	name   string // of the cookie
	scope  string // of its tokens
}

func (inStore) writesWithCookie() bool  { return false }
func (inCookie) writesWithCookie() bool { return true }
