package life

import (
	"context"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/store"
)

// A keeper is where the sessions of a Host are: in its store, or sealed in their
// cookies. Nothing else asks which of the two it is.
type keeper interface {
	// present finds the session of what a client presented, and makes its draft. What
	// is not good is of unknown standing; an error means that nobody can tell.
	present(ctx context.Context, text string, now time.Time, d *change.Draft) (presentation, error)

	// presented returns the sessions of which a request brought a good token, however
	// many. That none of them is used must not keep it from ending them.
	presented(ctx context.Context, tokens []string, now time.Time) ([]ending, error)

	// commit is Session.Commit, of a session whose committing is held.
	commit(parent context.Context, s *Session, storeNew bool) error

	// look has a session show what is stored now, and ends it where it is over. It
	// counts as use where that is told.
	look(ctx context.Context, s *Session, use bool) error

	// remove ends a session.
	remove(ctx context.Context, id store.ID) error

	// revokeAll ends all sessions of a subject, and returns how many, as far as
	// anybody knows. It spares the sign-in of the caller, which may be nil.
	revokeAll(ctx context.Context, scoped string, caller *Session) (int, error)

	// outrun tells whether a revocation may have come before what is committed, and
	// would not end it.
	outrun(c *saving) bool

	// byID and bySubject are errors where sessions cannot be found by these.
	byID(op string) error
	bySubject(op string) error

	// writesWithCookie tells that whatever is written is the cookie of this very
	// answer: nothing can be written before it, apart from it, or after its header.
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
