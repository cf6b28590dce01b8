package session_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

// usedBeforeSave has the session that is saved next be used by another request, a
// millisecond later by its clock, before it is saved.
func (p *probe) usedBeforeSave(idle time.Duration) {
	p.tap.put(func(ctx context.Context, op string, do func() error) error {
		if op != "save" {
			return do()
		}
		p.tap.put(nil)
		saved := p.tap.given()
		old, err := p.tap.under.Load(ctx, saved[len(saved)-1].ID)
		if err != nil {
			p.t.Error(err)
		}
		seen := time.Now().Add(time.Millisecond)
		expires := seen.Add(idle)
		if expires.After(old.Deadline) {
			expires = old.Deadline
		}
		if err := p.tap.under.Touch(ctx, old.ID, old.Version, seen, expires); err != nil {
			p.t.Error(err)
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
		p := newProbe(t, cfg)
		c := p.client().must(set(t, "k", 1))
		time.Sleep(time.Hour - 10*time.Second)
		p.usedBeforeSave(time.Hour)
		c.must(signInRemembered(t))
		time.Sleep(time.Second)
		c.wants("<u> k=1")
		if left := time.Until(p.only("u").Expires); left != 7*day {
			t.Errorf("unless it is used it ends in %v", left)
		}
		p.tap.took()
		for range 3 { // once is enough
			c.wants("<u> k=1")
		}
		for _, op := range p.tap.took() {
			if op != "load" {
				t.Errorf("a request that reads has the store %s", op)
			}
		}
		time.Sleep(6 * day)
		c.wants("<u> k=1")
	})
}

// A deadline that was brought forward holds, whatever use was written beside it.
func TestAShorterLifetimeBesideAUseHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, remembered)
		c := p.client().must(signInRemembered(t))
		time.Sleep(5 * time.Minute)
		p.usedBeforeSave(7 * day)
		c.must(remember(t, session.Lifetime{Absolute: 10 * time.Minute}))
		time.Sleep(4 * time.Minute)
		stolen := p.with(c.token())
		time.Sleep(time.Minute)
		stolen.wants(anonymous)
		c.wants(anonymous)
	})
}
