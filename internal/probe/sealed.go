package probe

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/cookiestore"
)

// NewRing returns a key ring, with a new key if it is given none.
func NewRing(t testing.TB, keys ...cookiestore.Key) *cookiestore.Keyring {
	t.Helper()
	if len(keys) == 0 {
		keys = []cookiestore.Key{cookiestore.GenerateKey()}
	}
	ring, err := cookiestore.New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// SealedSite returns a site that keeps its sessions in their cookies, and has the
// handlers of [Site.Answers].
func SealedSite(t testing.TB, sealer session.Sealer, cfg session.Config) *Site {
	t.Helper()
	site := siteOf(t, cfg, func(cfg session.Config) (*session.Manager, error) { return session.NewSealed(sealer, cfg) })
	site.Answers()
	return site
}

// Answers adds a handler for each step of a session's life, which shows what it
// leaves.
func (site *Site) Answers() {
	answer := func(path string, f func(r *http.Request, s *session.Session) error) {
		site.Handle(path, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := f(r, s); err != nil {
				http.Error(w, err.Error(), session.ErrorStatus(err))
				return
			}
			k, _ := s.Get("k").(string)
			w.Write([]byte(s.Subject() + "/" + k))
		})
	}
	answer("/read", func(*http.Request, *session.Session) error { return nil })
	answer("/set", func(r *http.Request, s *session.Session) error { return s.Set("k", r.URL.RawQuery) })
	answer("/login", func(r *http.Request, s *session.Session) error { return s.Login(r.URL.RawQuery) })
	answer("/renew", func(_ *http.Request, s *session.Session) error { return s.Renew() })
	answer("/logout", func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) })
	answer("/everywhere", func(r *http.Request, s *session.Session) error {
		_, err := site.M.RevokeAll(r.Context(), s.Subject())
		return errors.Join(err, s.Destroy(r.Context()))
	})
	answer("/password", func(r *http.Request, s *session.Session) error {
		subject := s.Subject()
		_, err := site.M.RevokeAll(r.Context(), subject)
		return errors.Join(err, s.Login(subject))
	})
}

// A BrokenSealer returns Err from all that it is asked, if there is one.
type BrokenSealer struct {
	session.Sealer
	Err error
}

// Open is that of [session.Sealer].
func (b *BrokenSealer) Open(ctx context.Context, scope, token string) (store.Record, bool, error) {
	if b.Err != nil {
		return store.Record{}, false, b.Err
	}
	return b.Sealer.Open(ctx, scope, token)
}

// Seal is that of [session.Sealer].
func (b *BrokenSealer) Seal(ctx context.Context, scope string, rec store.Record) (string, error) {
	if b.Err != nil {
		return "", b.Err
	}
	return b.Sealer.Seal(ctx, scope, rec)
}
