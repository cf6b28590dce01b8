// Package life is the life of a session in one request: it is found, shown, changed,
// committed, and ended. Its Session is what the handler's *session.Session stands for; its
// Host is what all sessions of an application have in common.
//
// It knows the store, the engine of commits, the settings, and which sign-ins may be. It
// knows no HTTP: tokens come and go as text, and what depends on the request itself it asks
// of a [Request]. It reports by [Settings].Report, and logs nothing.
package life

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/b4468f51/session/internal/account"
	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/internal/mark"
	"github.com/b4468f51/session/internal/watch"
	"github.com/b4468f51/session/store"
)

// Settings are those of the application that its sessions depend on.
type Settings struct {
	Rules change.Rules

	Realm      string        // of its tokens and subjects
	MarkLife   time.Duration // how long a subject's marks are kept: no session lives longer
	Persistent bool          // cookies outlive the browser, unless the session's own lifetime says otherwise

	RotateEvery                time.Duration // 0 for no rotation
	LoadTimeout, CommitTimeout time.Duration

	MaxSessions int  // of a subject; 0 for any number
	RefuseLogin bool // over MaxSessions

	WatchEvery time.Duration // how often watched sessions are looked at, where the store does not tell

	Report func(ctx context.Context, e Event)
}

// A Host is where the sessions of an application live. It may be used by several goroutines
// at once.
type Host struct {
	Settings
	Accounts account.Accounts

	keeper        keeper
	store         store.Store // of a Host of sealed sessions that of their not-before, or nil
	subjectPrefix string      // of this realm's subjects in the store
	engine        *commit.Engine
	marks         *mark.Marks
	watches       *watch.Hub
}

// NewHost returns a Host whose sessions are in a store.
func NewHost(s store.Store, settings Settings) *Host {
	h := &Host{
		Settings: settings, store: s, subjectPrefix: settings.Realm + ":",
		Accounts: account.Accounts{Store: s, LoadTimeout: settings.LoadTimeout, EndTimeout: settings.CommitTimeout},
	}
	h.engine = commit.New(s, &h.Rules)
	h.marks = mark.New(s, h.engine, settings.MarkLife)
	h.keeper = inStore{h}
	h.watches = watch.New(watched{h}, h.WatchEvery, h.LoadTimeout, change.ErrEnded, func(err error) {
		h.Report(context.Background(), Event{Kind: WatchFailed, Err: err})
	})
	return h
}

// Close ends all watches.
func (h *Host) Close() { h.watches.Close() }

// NewSealedHost returns a Host whose sessions are sealed in their cookies, and nothing of
// them in a store but when they were revoked: in notBefore, which may be nil. The name is
// that of the cookie.
func NewSealedHost(sealer Sealer, notBefore store.Store, name string, settings Settings) *Host {
	h := NewHost(notBefore, settings)
	h.keeper = inCookie{h, sealer, name, "session\x00" + name + "\x00" + settings.Realm}
	return h
}

// Sealed tells whether sessions are in their cookies.
func (h *Host) Sealed() bool { return h.keeper.writesWithCookie() }

// Scope returns a subject as the store has it: with the realm, so that two applications on
// one store keep theirs apart.
func (h *Host) Scope(subject string) string { return h.subjectPrefix + subject }

// Unscope is the inverse of Scope. It is false for the subjects of other realms.
func (h *Host) Unscope(scoped string) (string, bool) {
	return strings.CutPrefix(scoped, h.subjectPrefix)
}

// loadSession loads the record of a session, and tells whether there is one: a mark is
// none. The error says that nobody can tell.
func (h *Host) loadSession(ctx context.Context, id store.ID, now time.Time) (rec store.Record, found bool, err error) {
	rec, err = h.engine.Load(ctx, id, now)
	switch {
	case err == nil:
		return rec, !mark.Is(rec.Data), nil
	case errors.Is(err, store.ErrNotFound):
		return rec, false, nil
	default:
		return rec, false, commit.Failed("load", err)
	}
}

// ReadMeta reads the metadata of a record alone.
func (h *Host) ReadMeta(ctx context.Context, rec *store.Record) (envelope.Meta, error) {
	meta, err := envelope.DecodeMeta(rec.Data)
	if err != nil {
		err = h.unreadable(ctx, rec, err)
	}
	return meta, err
}

// unreadable says which record it was that did not decode. Whoever meets one that
// is corrupt reports it.
func (h *Host) unreadable(ctx context.Context, rec *store.Record, err error) error {
	err = fmt.Errorf("session: record %v: %w", rec.ID, err)
	if errors.Is(err, envelope.ErrCorrupt) {
		h.Report(ctx, Event{Kind: Corrupt, ID: rec.ID, Subject: rec.Subject, Err: err})
	}
	return err
}

// ByID loads a session that no client has presented, to be changed or to be looked at. Op
// names what it is for. It returns [change.ErrEnded] where there is no such session. The
// caller calls Close.
func (h *Host) ByID(ctx context.Context, op string, id store.ID, s *Session) error {
	if err := h.keeper.byID(op); err != nil {
		return err
	}
	limited := limit.Within(ctx, h.LoadTimeout)
	defer limited.Release()
	rec, found, err := h.loadSession(limited, id, envelope.Truncate(time.Now()))
	if err != nil {
		return err
	}
	if _, ours := h.Unscope(rec.Subject); !found || rec.Subject != "" && !ours {
		return change.ErrEnded
	}
	s.apart(h)
	var meta envelope.Meta
	if err := s.draft.Read(commit.SavedOf(&rec), &meta); err != nil {
		return h.unreadable(ctx, &rec, err)
	}
	s.adoptLocked(meta.Generation)
	return nil
}
