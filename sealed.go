package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/mark"
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

// maxCookie is what browsers take of a cookie's name and value, in bytes
// (RFC 6265bis 5.6). What is larger they drop without a word.
const maxCookie = 4096

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
	m.keeper = inCookie{m, sealer, "session\x00" + m.cfg.Cookie.Name + "\x00" + m.cfg.realm()}
	m.startGC()
	return m, nil
}

func (inCookie) bySubject(op string) error { return inCookie{}.byID(op) }

func (inCookie) byID(op string) error {
	return fmt.Errorf("session: %s: the sessions are in their cookies, and cannot be looked up: %w", op, errors.ErrUnsupported)
}

func (k inCookie) present(ctx context.Context, token string, now time.Time, d *change.Draft) (p presentation, err error) {
	m := k.m
	if len(m.cfg.Cookie.Name)+len(token) > maxCookie {
		m.report(ctx, Event{Kind: EventMalformed})
		return p, nil
	}
	rec, reseal, err := k.sealer.Open(ctx, k.scope, token)
	if errors.Is(err, store.ErrNotFound) {
		m.report(ctx, Event{Kind: EventMalformed})
		return p, nil
	}
	if err != nil {
		return p, commit.Failed("open", err)
	}
	p.id = rec.ID
	_, ours := m.cutSubject(rec.Subject)
	if !commit.Alive(&rec, now) || rec.Seen.After(now.Add(mark.MaxSkew)) ||
		rec.Subject != "" && !ours {
		m.report(ctx, Event{Kind: EventUnknown, ID: rec.ID})
		return p, nil
	}
	var meta envelope.Meta
	if ok, err := m.readDraft(ctx, &rec, d, &meta); !ok {
		return p, err
	}
	revoked, err := m.revoked(ctx, d)
	if err != nil {
		return p, err
	}
	if revoked {
		m.report(ctx, Event{Kind: EventUnknown, ID: rec.ID, Subject: rec.Subject})
		return p, nil
	}
	p.standing, p.generation, p.reseal = envelope.Current, meta.Generation, reseal
	return p, nil
}

// revoked tells whether RevokeAll has ended a sealed session.
func (m *Manager) revoked(ctx context.Context, d *change.Draft) (bool, error) {
	if m.store == nil || d.Subject() == "" {
		return false, nil
	}
	at, err := m.marks.NotBefore(ctx, d.Subject(), envelope.Truncate(time.Now()))
	return err == nil && !at.IsZero() && d.Meta().Authenticated <= at.UnixMilli(), err
}

// look tells whether a session may go on. There is nothing newer to see of it than
// what its cookie had, and no use can be written.
func (inCookie) look(ctx context.Context, s *Session, _ bool) error {
	s.mu.Lock()
	d := s.draft.Share()
	s.mu.Unlock()
	revoked, err := s.m.revoked(ctx, &d)
	if err != nil || !revoked && time.Now().Before(d.Rec.Expires.Time()) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
	return ErrEnded
}

// presented: there is nothing but the cookies.
func (inCookie) presented(context.Context, http.Header, time.Time) ([]ending, error) { return nil, nil }

// remove: the cookie is cleared, and that is all.
func (inCookie) remove(context.Context, ID) error { return nil }

// outrun: what signs in, or in once more, is newer than the revocation.
func (k inCookie) outrun(c *saving) bool {
	return k.m.store != nil && (c.signsIn() || c.has(change.Reauthenticate))
}

// revokeAll has those ended that were signed in until now. Nobody knows how many.
func (k inCookie) revokeAll(ctx context.Context, scoped string) (int, error) {
	if k.m.store == nil {
		return 0, fmt.Errorf("session: revoke: Config.NotBefore is not set: %w", errors.ErrUnsupported)
	}
	if err := k.m.putNotBefore(ctx, scoped, k.m.FromContext(ctx)); err != nil {
		return 0, err
	}
	k.m.report(ctx, Event{Kind: EventRevoked, Subject: scoped})
	return 0, nil
}
