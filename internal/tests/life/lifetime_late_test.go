package life

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// A stream may be open for longer than the session had left when it began.
func TestALongRequestGoesOnAfterTheDeadlineThatItHasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := probe.NewSite(t, nil, session.Config{Lifetime: 2 * time.Hour, MaxLifetime: 30 * day})
		goOn := make(chan struct{})
		site.Handle("/begin", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { probe.Must(t, s.Set("k", "begun")) })
		site.Handle("/stream", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			<-goOn
			probe.Must(t, s.Set("k", "streamed"))
		})
		site.Handle("/remember", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			probe.Must(t, s.SetLifetime(session.Lifetime{Absolute: 30 * day}))
		})
		site.Handle("/read", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			text, _ := s.Get("k").(string)
			w.Write([]byte(text))
		})
		b := site.Browser()
		b.Get("/begin")
		stream := make(chan int)
		go func() { stream <- b.Send("/stream").Code }()
		synctest.Wait()
		b.Get("/remember")
		time.Sleep(3 * time.Hour)
		close(goOn)
		if status := <-stream; status != http.StatusOK {
			t.Errorf("the stream of a session that was prolonged is answered %d", status)
		}
		b.Want("/read", http.StatusOK, "streamed")
	})
}

// What is refused leaves no trace: not in the session, nor in what is stored next.
func TestALifetimeThatIsRefusedChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, remembered)
		c := p.Client().Must(probe.Login(t, "u"))
		time.Sleep(30 * time.Minute)
		c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			before := s.Deadline()
			err := s.SetLifetime(session.Lifetime{Absolute: 10 * time.Minute})
			if err == nil || errors.Is(err, session.ErrEnded) {
				t.Errorf("a lifetime that is over already: %v", err)
			}
			if _, own := s.Lifetime(); own || !s.Deadline().Equal(before) {
				t.Errorf("the deadline is %v, want %v", s.Deadline(), before)
			}
			probe.Must(t, s.Set("k", 1))
		})
		c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "u" || s.Get("k") != 1 {
				t.Errorf("afterwards the session is that of %q, with %v", s.Subject(), s.Get("k"))
			}
		})
	})
}

// A store keeps the later of two uses, and its Expires with it. That is no reason
// to outlive a deadline which was brought forward at the same time.
func TestADeadlineThatIsBroughtForwardHoldsBesideAnotherUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		p.Tap.Put(func(ctx context.Context, op string, do func() error) error {
			if op == "save" { // another machine touches meanwhile, by a clock that is a second ahead
				before := p.Tap.Given()[0]
				now := time.Now().Add(time.Second)
				probe.Must(t, p.Tap.Under.Touch(ctx, before.ID, before.Version, now, now.Add(time.Hour)))
			}
			return do()
		})
		c.Must(remember(t, session.Lifetime{Absolute: 10 * time.Minute}))
		p.Tap.Put(nil)
		time.Sleep(9 * time.Minute)
		for info, err := range p.M.List(t.Context(), "u") {
			probe.Must(t, err)
			if info.Expires.After(info.Deadline) {
				t.Errorf("the session is listed until %v, and ends at %v", info.Expires, info.Deadline)
			}
		}
		time.Sleep(time.Minute)
		for range p.M.List(t.Context(), "u") {
			t.Error("it is listed after its deadline")
		}
		c.Wants(probe.Anonymous)
	})
}
