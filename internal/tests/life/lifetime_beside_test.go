package life

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// usedBeforeSave has the session that is saved next be used by another request, a
// millisecond later by its clock, before it is saved.
func usedBeforeSave(p *probe.Probe, idle time.Duration) {
	p.Tap.Put(func(ctx context.Context, op string, do func() error) error {
		if op != "save" {
			return do()
		}
		p.Tap.Put(nil)
		saved := p.Tap.Given()
		old, err := p.Tap.Under.Load(ctx, saved[len(saved)-1].ID)
		if err != nil {
			p.T.Error(err)
		}
		seen := time.Now().Add(time.Millisecond)
		expires := seen.Add(idle)
		if expires.After(old.Deadline) {
			expires = old.Deadline
		}
		if err := p.Tap.Under.Touch(ctx, old.ID, old.Version, seen, expires); err != nil {
			p.T.Error(err)
		}
		return do()
	})
}

// A use that is written while a session is given a longer life keeps the end of
// before. The next use puts that right, however soon it comes.
func TestASignInBesideAUseHasItsLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := remembered
		cfg.AnonymousLifetime = time.Hour
		p := probe.New(t, cfg)
		c := p.Client().Must(probe.Set(t, "k", 1))
		time.Sleep(time.Hour - 10*time.Second)
		usedBeforeSave(p, time.Hour)
		c.Must(signInRemembered(t))
		time.Sleep(time.Second)
		c.Wants("<u> k=1")
		if left := time.Until(p.Only("u").Expires); left != 7*day {
			t.Errorf("unless it is used it ends in %v", left)
		}
		p.Tap.Took()
		for range 3 { // once is enough
			c.Wants("<u> k=1")
		}
		for _, op := range p.Tap.Took() {
			if op != "load" {
				t.Errorf("a request that reads has the store %s", op)
			}
		}
		time.Sleep(6 * day)
		c.Wants("<u> k=1")
	})
}

// A deadline that was brought forward holds, whatever use was written beside it.
func TestAShorterLifetimeBesideAUseHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, remembered)
		c := p.Client().Must(signInRemembered(t))
		time.Sleep(5 * time.Minute)
		usedBeforeSave(p, 7*day)
		c.Must(remember(t, session.Lifetime{Absolute: 10 * time.Minute}))
		time.Sleep(4 * time.Minute)
		stolen := p.With(c.Token())
		time.Sleep(time.Minute)
		stolen.Wants(probe.Anonymous)
		c.Wants(probe.Anonymous)
	})
}
