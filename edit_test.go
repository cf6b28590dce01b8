package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// setting is a function for Edit.
func setting(key string, v any) func(*session.Session) error {
	return func(s *session.Session) error { return s.Set(key, v) }
}

// An Edit is no use of the session, whether it changes something or not.
func TestAnEditProlongsNothing(t *testing.T) {
	for name, f := range map[string]func(*session.Session) error{
		"changes something": setting("k", "v"),
		"changes nothing":   func(*session.Session) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, session.Config{})
				c := p.Client().Must(probe.Login(t, "u"))
				was := p.Only("u")
				for range 5 {
					time.Sleep(10 * time.Minute)
					probe.Must(t, p.M.Edit(t.Context(), was.ID, f))
				}
				if now := p.Only("u"); !now.Seen.Equal(was.Seen) || !now.Expires.Equal(was.Expires) {
					t.Errorf("seen at %v, expires at %v; was %v, %v", now.Seen, now.Expires, was.Seen, was.Expires)
				}
				time.Sleep(10 * time.Minute)
				c.Wants(probe.Anonymous)
				if err := p.M.Edit(t.Context(), was.ID, f); !errors.Is(err, session.ErrEnded) {
					t.Errorf("Edit of one that has expired: %v, want ErrEnded", err)
				}
			})
		})
	}
}

// A job may take longer than the session had left when it began, if its user goes
// on meanwhile.
func TestALongEditOfASessionThatIsUsedMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		requests int // every nine minutes
		request  probe.Act
	}{
		"once": {1, probe.Idle}, "for long": {3, probe.Idle}, "and changed": {1, probe.Set(t, "other", 1)}, "and changed for long": {3, probe.Set(t, "other", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, session.Config{})
				c := p.Client().Must(probe.Login(t, "u"))
				id := p.Only("u").ID
				time.Sleep(50 * time.Minute)
				var used session.Info
				probe.Must(t, p.M.Edit(t.Context(), id, func(s *session.Session) error {
					for range test.requests {
						time.Sleep(9 * time.Minute)
						c.Must(test.request)
					}
					used = p.Only("u")
					return s.Set("k", "v")
				}))
				if now := p.Only("u"); !now.Seen.Equal(used.Seen) || !now.Expires.Equal(used.Expires) {
					t.Errorf("it moves the times: seen %v, expires %v; was %v, %v", now.Seen, now.Expires, used.Seen, used.Expires)
				}
				time.Sleep(59 * time.Minute)
				c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if s.Subject() != "u" || s.Get("k") != "v" {
						t.Errorf("the session is of %q, with %v", s.Subject(), s.Get("k"))
					}
				})
			})
		})
	}
}

func TestALongEditOfASessionThatExpiresMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		p.Client().Must(probe.Login(t, "u"))
		err := p.M.Edit(t.Context(), p.Only("u").ID, func(s *session.Session) error {
			time.Sleep(2 * time.Hour)
			return s.Set("k", "v")
		})
		if !errors.Is(err, session.ErrEnded) {
			t.Errorf("Edit: %v, want ErrEnded", err)
		}
		if infos, err := probe.Collect(p.M.List(t.Context(), "u")); err != nil || len(infos) != 0 {
			t.Errorf("it came back: %v, %v", infos, err)
		}
	})
}

// The answer to an Edit is lost, and before it can look another machine edits the
// same session: it recognises its own write all the same.
func TestAnEditWhoseAnswerIsLostHappensOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memstore.New()
		f := &probe.Faulty{Store: mem}
		d, other := probe.NewDirect(t, f, session.Config{}), probe.NewDirect(t, mem, session.Config{})
		c := d.With("n", 1)
		id := d.Load(c).ID()
		time.Sleep(30 * time.Minute) // nobody has used it for long
		f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
			f.OnSave = nil
			probe.Must(t, mem.Save(ctx, rec, old), other.M.Edit(ctx, id, probe.Increment))
			return errors.New("connection reset")
		}
		probe.Must(t, d.M.Edit(t.Context(), id, probe.Increment))
		if n, _ := probe.Counter.Get(d.Load(c)); n != 3 {
			t.Errorf("n is %d after two increments of 1", n)
		}
	})
}
