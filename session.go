package session

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// An ID names a session: 16 random bytes, 22 characters of base64url in text.
// It stays the same through renewal, rotation, and a login of the same subject
// or of a visitor. It is public, and may be listed, logged and shown: nobody gets
// into a session by its ID.
type ID = store.ID

// ParseID reads what [ID.String] wrote.
func ParseID(s string) (ID, error) { return store.ParseID(s) }

// A Session is the state that the server keeps for one client, as one request
// sees it. It keeps the changes of the request as operations, which the commit applies
// to the newest state, so that they never undo those of other requests.
//
// A Session may be used by several goroutines at once. The methods of a nil
// *Session are safe: reading finds nothing, changing returns [ErrNoSession].
// After the handler returned, reading works and changing returns [ErrDone].
//
// A session whose token was replaced or whose record is gone has ended: it
// reads as empty, and changing it returns [ErrEnded], but for Login, which
// begins a new one.
type Session struct {
	m *Manager
	arrival

	// committing is held by a whole commit, Destroy, Reload or Touch. It stands above mu.
	committing sync.Mutex

	mu sync.Mutex // guards all below; never held while a store, a codec or a caller's function runs
	state
	past       *past       // nil for most
	spared     *spared     // the not-before of its own RevokeAll
	notes      *notes      // for the Observer; nil while there are none
	bindSecret *sid.Secret // what bindings are made of; nil until it is needed
	changes    uint32      // counts what was added to ops

	used        bool // a method was called: the answer depends on the cookie
	clientHas   bool // the client holds a token that a new session has to clear
	bindDue     bool // the client has to be sent bindSecret, in a cookie
	headersSent bool // no cookie can be sent any more
}

// An arrival is what a request came with. It is written before the handler runs, and is
// as it was from then on: but for several tokens, once they have ended.
type arrival struct {
	request     *http.Request   // nil in Edit
	header      *http.Header    // of Start: where a cookie goes as soon as it is due; a pointer, which fmt does not follow
	arrived     envelope.Millis // when the request began
	arrivedMono time.Duration   // the same, since epoch
	with        arrivedWith
	passive     bool // the request is no sign of life from the client
	sends       bool // cookies beside the session's can be set as well
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

// apart returns a Session that no client is there for: nothing can be sent, and it
// is not used by what is done with it.
func (m *Manager) apart() *Session {
	return &Session{m: m, arrival: arrival{passive: true}, headersSent: true}
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
	doubt     *commit.StoreError // while the phase is inDoubt: the error of that commit
	secret    *sid.Secret        // for the next cookie; a pointer, which fmt does not follow
	sealed    *string            // for the next cookie, in the place of secret

	phase       phase
	isNew       bool
	lost        bool // pending changes were dropped when it ended: the next commit returns ErrEnded
	mayRotate   bool
	touchFailed bool // it is not tried again in this request
	quiet       bool // load found no secret to confirm and no other due, and no end that is too soon
	reseal      bool // the token the request came with should be replaced
	due         dueCookie
}

// ID returns the public name of the session. That of a session which was never
// committed is made up when it is first asked for.
func (s *Session) ID() ID {
	if s == nil {
		return ID{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return s.idLocked()
}

func (s *Session) idLocked() ID {
	if s.draft.Rec.ID == (ID{}) {
		s.draft.Rec.ID = sid.NewID()
	}
	return s.draft.Rec.ID
}

// IsNew tells whether the session began with this request: the client brought
// no token, or one that is not, or no longer, good for a session; or Login has
// begun another session.
func (s *Session) IsNew() bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return s.isNew
}

// Subject returns whom Login bound the session to, and "" while it is anonymous.
func (s *Session) Subject() string {
	subject := view(s, (*change.Draft).Subject)
	if subject != "" {
		subject, _ = s.m.cutSubject(subject)
	}
	return subject
}

// Created returns when the session began, to the millisecond.
func (s *Session) Created() time.Time {
	return view(s, func(d *change.Draft) envelope.Millis { return d.Rec.Created }).Time()
}

// Seen returns when the session was last used, as far as that was written: it
// lags behind by up to Config.TouchInterval. Like Expires it is the zero Time until
// the session was committed.
func (s *Session) Seen() time.Time {
	return view(s, func(d *change.Draft) envelope.Millis { return d.Rec.Seen }).Time()
}

// Expires returns when the session ends unless it is used again. It moves with
// use, at most once per Config.TouchInterval, and never past Deadline. The use by
// this very request is written, and seen here and in Manager.List, when it commits:
// a page that shows when the session ends calls [Session.Save] first.
func (s *Session) Expires() time.Time {
	return view(s, func(d *change.Draft) envelope.Millis { return d.Rec.Expires }).Time()
}

// Deadline returns when the session ends however much it is used. Only Login,
// Reauthenticate and SetLifetime set another. It is the zero Time until one of them
// was called, or the session was committed.
func (s *Session) Deadline() time.Time { return view(s, (*change.Draft).Deadline).Time() }

// view returns what get reads of what the handler sees, and the zero T without a
// session. The draft stays under the lock: other goroutines write to its edit.
func view[T any](s *Session, get func(*change.Draft) T) T {
	if s == nil {
		var zero T
		return zero
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	return get(&s.draft)
}

// String returns the ID, for logs.
func (s *Session) String() string {
	if s == nil {
		return "no session"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draft.Rec.ID == (ID{}) {
		return "new session"
	}
	return "session " + ID(s.draft.Rec.ID).String()
}

// Format writes what String returns, whatever the verb: a session must not
// show its token to whoever prints it.
func (s *Session) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }
