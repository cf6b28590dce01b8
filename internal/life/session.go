package life

import (
	"context"
	"sync"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// A Session is a session as one request sees it. It keeps the changes of the request as
// operations, which the commit applies to the newest state, so that they never undo those
// of other requests. It may be used by several goroutines at once.
type Session struct {
	host *Host
	arrival

	mu sync.Mutex // guards all below; never held while a store, a codec or a caller's function runs
	state
	rare    *rare  // nil for most
	changes uint32 // counts what was added to ops

	turnTaken   bool // see takeTurn
	used        bool // a method was called: the answer depends on the cookie
	clientHas   bool // the client holds a token that a new session has to clear
	headersSent bool // no cookie can be sent any more
}

// A Request is what a session asks about its request.
type Request interface {
	// Context is that of the request.
	Context() context.Context

	// Admit returns why a visitor may not have a session.
	Admit() error

	// MayLackToken tells whether the client may hold a token that its browser did not
	// send, because another site has made the request.
	MayLackToken() bool

	// Tokens returns all that the request carries.
	Tokens() []string

	// BoundTo returns what was bound to the client before it had a session, nil for
	// nothing.
	BoundTo() []byte

	// TokenDue is called when the client is about to be sent a token.
	TokenDue(ctx context.Context, id store.ID)
}

// An arrival is what a request came with. It is written before the handler runs, and does not
// change afterwards. One exception is with, once the sessions of several tokens have ended.
type arrival struct {
	request     Request         // nil without one
	arrived     envelope.Millis // when the request began
	arrivedMono time.Duration   // the same, since epoch
	with        arrivedWith
	passive     bool // the request is no sign of life from the client
	hasHeader   bool // of a response: it can be told other cookies too
}

// An arrivedWith is what became of the token that a request came with.
type arrivedWith uint8

const (
	withNothing      arrivedWith = iota
	withGood                     // the session is of it
	withKilled                   // replaced a moment ago: the client may hold its successor
	withDead                     // good for nothing any more, and takes no other's place
	withSeveral                  // of which none was taken
	withSeveralEnded             // and the sessions of all have ended since
)

// lapsed tells whether a token came that is good for nothing.
func (w arrivedWith) lapsed() bool { return w > withGood }

// apart makes the zero Session one that no client is there for: nothing can be sent, and
// it is not used by what is done with it.
func (s *Session) apart(h *Host) {
	s.host, s.passive, s.headersSent = h, true, true
}

// A state is the session that a Session is, apart from the request: a Login may
// put another in its place.
type state struct {
	draft change.Draft // what the handler sees
	ops   []change.Op  // how draft differs from what is stored, or is known to be
	// generation is that of the stored record: a higher one in the store means
	// that every token this request can stand for was killed.
	generation uint64
	// presented is the hash of the secret that the request came with, or of
	// the one it was given since; zero for a session that came without.
	presented sid.Hash
	secret    *sid.Secret // for the next cookie; a pointer, which fmt does not follow
	sealed    *string     // for the next cookie, in the place of secret

	phase       phase
	isNew       bool
	unapplied   bool // draft may lack some of ops: they failed on what others had stored
	lost        bool // pending changes were dropped when it ended: the next commit returns ErrEnded
	mayRotate   bool
	touchFailed bool // it is not tried again in this request
	quiet       bool // there is nothing to write but values and use: no secret to confirm or to rotate, and Expires is right
	reseal      bool // Sealer.Open asks for another token
	due         dueToken
}

// rare is what few requests have.
type rare struct {
	past   *past
	spared *spared // the not-before of its own RevokeAll
	notes  *notes  // for the Observer

	failure error // while the phase is failed: the error of that commit

	turnEnds chan struct{} // closed when the turn ends that somebody waits for
}

func (s *Session) rareLocked() *rare {
	if s.rare == nil {
		s.rare = new(rare)
	}
	return s.rare
}

// ID returns the public name of the session. That of a session which was never
// committed is made up when it is first asked for.
func (s *Session) ID() store.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return s.idLocked()
}

func (s *Session) idLocked() store.ID {
	if s.draft.Rec.ID == (store.ID{}) {
		s.draft.Rec.ID = sid.NewID()
	}
	return s.draft.Rec.ID
}

// KnownID is ID without use of the session, and without making one up.
func (s *Session) KnownID() store.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draft.Rec.ID
}

// IsNew tells whether the session began with this request.
func (s *Session) IsNew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return s.isNew
}

// Lapsed tells whether the client brought a token that is not, or no longer, good for a
// session. It makes a token that is good for nothing one to clear, if somebody is shown
// the answer.
func (s *Session) Lapsed(shown bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	if s.with == withDead && s.phase == fresh && shown {
		s.due = dueClear
	}
	return s.with.lapsed()
}

// Read returns what get reads of what the handler sees. The draft stays under the lock:
// other goroutines write to it.
func Read[T any](s *Session, get func(*change.Draft) T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return get(&s.draft)
}

// Lookup returns the value of a key.
func (s *Session) Lookup(key string) (envelope.Value, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return s.draft.Lookup(key)
}

// Persistent tells whether the session's cookie outlives the browser.
func (s *Session) Persistent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.persistentLocked()
}

func (s *Session) persistentLocked() bool {
	if meta := s.draft.MetaIn(new(envelope.Meta)); meta.OwnLifetime {
		return meta.Lifetime.Persistent
	}
	return s.host.Persistent
}

// Use tells that the answer depends on the session.
func (s *Session) Use() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
}
