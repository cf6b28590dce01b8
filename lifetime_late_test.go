package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

// A stream may be open for longer than the session had left when it began.
func TestALongRequestGoesOnAfterTheDeadlineThatItHasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, nil, session.Config{Lifetime: 2 * time.Hour, MaxLifetime: 30 * day})
		goOn := make(chan struct{})
		site.handle("/begin", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { must(t, s.Set("k", "begun")) })
		site.handle("/stream", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			<-goOn
			must(t, s.Set("k", "streamed"))
		})
		site.handle("/remember", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			must(t, s.SetLifetime(session.Lifetime{Absolute: 30 * day}))
		})
		site.handle("/read", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			text, _ := s.Get("k").(string)
			w.Write([]byte(text))
		})
		b := site.browser()
		b.get("/begin")
		stream := make(chan int)
		go func() { stream <- b.send("/stream").Code }()
		synctest.Wait()
		b.get("/remember")
		time.Sleep(3 * time.Hour)
		close(goOn)
		if status := <-stream; status != http.StatusOK {
			t.Errorf("the stream of a session that was prolonged is answered %d", status)
		}
		b.want("/read", http.StatusOK, "streamed")
	})
}

// What is refused leaves no trace: not in the session, nor in what is stored next.
func TestALifetimeThatIsRefusedChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, remembered)
		c := p.client().must(login(t, "u"))
		time.Sleep(30 * time.Minute)
		c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			before := s.Deadline()
			err := s.SetLifetime(session.Lifetime{Absolute: 10 * time.Minute})
			if err == nil || errors.Is(err, session.ErrEnded) {
				t.Errorf("a lifetime that is over already: %v", err)
			}
			if _, own := s.Lifetime(); own || !s.Deadline().Equal(before) {
				t.Errorf("the deadline is %v, want %v", s.Deadline(), before)
			}
			must(t, s.Set("k", 1))
		})
		c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "u" || s.Get("k") != 1 {
				t.Errorf("afterwards the session is that of %q, with %v", s.Subject(), s.Get("k"))
			}
		})
	})
}

// A use that another machine writes beside a SetLifetime, by a clock that is
// ahead, must not have the session outlive its new deadline.
func TestNoSessionOutlivesItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u"))
		s := p.tap.given()[0]
		time.Sleep(10 * time.Minute)
		p.tap.put(func(ctx context.Context, op string, do func() error) error {
			if op == "save" {
				rec, err := p.tap.under.Load(ctx, s.ID)
				must(t, err)
				seen := time.Now().Add(time.Second).Truncate(time.Millisecond)
				must(t, p.tap.under.Touch(ctx, rec.ID, rec.Version, seen, seen.Add(time.Hour)))
			}
			return do()
		})
		c.must(remember(t, session.Lifetime{Absolute: 15 * time.Minute}))
		p.tap.put(nil)
		c.wants("<u>")
		time.Sleep(6 * time.Minute)
		c.wants(anonymous)
		if ids := p.idsOf("u"); len(ids) != 0 {
			t.Errorf("%d sessions are listed", len(ids))
		}
	})
}
