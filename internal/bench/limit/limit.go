// Package limit is a session of the least that a correct one can do: what is
// left when everything is known beforehand. It is written by hand for one type
// of content, one process and one cookie, and shows how near to that a library
// comes.
//
// A request with a session costs, and this is all:
//
//  1. a scan of the Cookie header for the one cookie, without a copy;
//  2. base64 of the token: 16 bytes of ID, 32 bytes of secret;
//  3. one look into a sharded map, under the read lock of the shard;
//  4. the check that the session is neither past its deadline nor idle;
//  5. SHA-256 of the secret, and a comparison in constant time with the hash
//     that is kept, so that memory which leaks opens no door;
//  6. a context that holds the session, and the copy of the request with it;
//  7. Vary: Cookie, where the handler uses the session.
//
// A write is copy and compare-and-swap: the new content goes into an entry of
// its own, which takes the place of the old one, under the shard's lock, if
// that still has the version it was made of. A new session is 48 random bytes,
// an entry, Set-Cookie and Cache-Control.
//
// Left out is what only a library needs: bytes for a store elsewhere, keys and
// types that are not known beforehand, a commit before the first byte (a write
// here is done when Update returns), login, renewal, revocation, observers,
// settings, garbage collection.
package limit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Lifetimes, as nanoseconds, which is how entries have their times.
const (
	lifetime    = int64(24 * time.Hour)
	idleTimeout = int64(time.Hour)
	touchEvery  = idleTimeout / 60 // how often a mere read is written down
)

const (
	cookieName = "__Host-id"
	idSize     = 16
	secretSize = 32
	tokenLen   = (idSize + secretSize) / 3 * 4
	shards     = 64
)

// ErrEnded is returned for a change of a session that is gone.
var ErrEnded = errors.New("limit: the session has ended")

// A Manager keeps sessions whose content is a T. A T is never changed in place.
type Manager[T any] struct {
	shards [shards]shard[T]
}

type shard[T any] struct {
	mu      sync.RWMutex
	entries map[[idSize]byte]*entry[T]
	_       [32]byte // no two shards share a cache line
}

// An entry is one state of a session. Only seen changes, by a step at a time.
type entry[T any] struct {
	hash     [sha256.Size]byte
	version  uint64
	deadline int64
	seen     atomic.Int64
	content  T
}

// New returns a Manager without sessions.
func New[T any]() *Manager[T] {
	m := new(Manager[T])
	for i := range m.shards {
		m.shards[i].entries = map[[idSize]byte]*entry[T]{}
	}
	return m
}

// shard needs no hash: an ID is random.
func (m *Manager[T]) shard(id *[idSize]byte) *shard[T] { return &m.shards[id[0]%shards] }

// A Session is that of one request. It is not for several goroutines.
type Session[T any] struct {
	m      *Manager[T]
	header http.Header // of the response
	now    int64
	id     [idSize]byte
	entry  *entry[T] // nil while there is none
	used   bool
}

// sessionContext is context, session and all that one request needs.
type sessionContext[T any] struct {
	context.Context
	session Session[T]
}

type sessionKey[T any] struct{}

func (c *sessionContext[T]) Value(key any) any {
	if _, ok := key.(sessionKey[T]); ok {
		return &c.session
	}
	return c.Context.Value(key)
}

// FromContext returns the session that Handler put into the context.
func FromContext[T any](ctx context.Context) *Session[T] {
	s, _ := ctx.Value(sessionKey[T]{}).(*Session[T])
	return s
}

// Handler gives next the session of each request.
func (m *Manager[T]) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := &sessionContext[T]{Context: r.Context()}
		s := &ctx.session
		s.m, s.header, s.now = m, w.Header(), time.Now().UnixNano()
		if text := readCookie(r.Header["Cookie"]); text != "" {
			s.load(text)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// readCookie returns the value of the cookie, and nothing where there are two:
// a browser has one, so somebody planted the other.
func readCookie(lines []string) (found string) {
	for _, line := range lines {
		for len(line) > 0 {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			if val, ok := strings.CutPrefix(textproto.TrimString(pair), cookieName+"="); ok {
				if found != "" {
					return ""
				}
				found = val
			}
		}
	}
	return found
}

// load finds the session of a token. Where that is malformed, unknown, expired
// or not the session's, there is none.
func (s *Session[T]) load(text string) {
	if len(text) != tokenLen {
		return
	}
	var src [tokenLen]byte
	copy(src[:], text)
	var token [idSize + secretSize]byte
	// The decoder skips line breaks: then it yields less than the whole.
	if n, err := base64.RawURLEncoding.Decode(token[:], src[:]); err != nil || n != len(token) {
		return
	}
	id := [idSize]byte(token[:idSize])
	sh := s.m.shard(&id)
	sh.mu.RLock()
	e := sh.entries[id]
	sh.mu.RUnlock()
	if e == nil || !e.live(s.now) {
		return
	}
	hash := sha256.Sum256(token[idSize:])
	if subtle.ConstantTimeCompare(hash[:], e.hash[:]) != 1 {
		return
	}
	if s.now-e.seen.Load() >= touchEvery {
		e.seen.Store(s.now)
	}
	s.id, s.entry = id, e
}

func (e *entry[T]) live(now int64) bool {
	return now < e.deadline && now < e.seen.Load()+idleTimeout
}

// use makes the response depend on the cookie.
func (s *Session[T]) use() {
	if s.used {
		return
	}
	s.used = true
	vary := s.header["Vary"]
	if len(vary) == 0 {
		s.header["Vary"] = varyCookie[:1:1]
		return
	}
	for _, line := range vary {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(textproto.TrimString(part), "Cookie") {
				return
			}
		}
	}
	s.header["Vary"] = append(vary[:len(vary):len(vary)], varyCookie...)
}

// Values of header lines that many responses share: they have no room for
// another, so that whoever appends gets a copy.
var (
	varyCookie = []string{"Cookie"}
	noStore    = []string{"no-store"}
)

// Get returns the content. It is false where there is no session.
func (s *Session[T]) Get() (content T, ok bool) {
	s.use()
	if s.entry == nil {
		return content, false
	}
	return s.entry.content, true
}

// Update replaces the content by what f makes of it. Where another request was
// first, f runs again.
func (s *Session[T]) Update(f func(T) T) error {
	s.use()
	if s.entry == nil {
		return ErrEnded
	}
	sh := s.m.shard(&s.id)
	for {
		old := s.entry
		next := &entry[T]{hash: old.hash, version: old.version + 1, deadline: old.deadline, content: f(old.content)}
		next.seen.Store(s.now)
		sh.mu.Lock()
		there := sh.entries[s.id]
		if there != nil && there.version == old.version {
			sh.entries[s.id] = next
		}
		sh.mu.Unlock()
		switch {
		case there == nil:
			return ErrEnded
		case there.version == old.version:
			s.entry = next
			return nil
		}
		s.entry = there
	}
}

// Begin makes a new session, and sets its cookie.
func (s *Session[T]) Begin(content T) {
	s.use()
	var token [idSize + secretSize]byte
	rand.Read(token[:])
	s.id = [idSize]byte(token[:idSize])
	s.entry = &entry[T]{
		hash:     sha256.Sum256(token[idSize:]),
		version:  1,
		deadline: s.now + lifetime,
		content:  content,
	}
	s.entry.seen.Store(s.now)
	sh := s.m.shard(&s.id)
	sh.mu.Lock()
	sh.entries[s.id] = s.entry
	sh.mu.Unlock()

	var text [tokenLen]byte
	base64.RawURLEncoding.Encode(text[:], token[:])
	s.header["Set-Cookie"] = append(s.header["Set-Cookie"],
		cookieName+"="+string(text[:])+"; Path=/; HttpOnly; Secure; SameSite=Lax")
	s.header["Cache-Control"] = noStore[:1:1]
}

// End forgets the session.
func (s *Session[T]) End() {
	sh := s.m.shard(&s.id)
	sh.mu.Lock()
	delete(sh.entries, s.id)
	sh.mu.Unlock()
	s.entry = nil
}
