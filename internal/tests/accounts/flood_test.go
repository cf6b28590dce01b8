package accounts

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// flooded returns a probe over a store that visitors have filled as far as they can,
// where u is signed in as often as there are names, and a visitor of before.
func flooded(t *testing.T, cfg session.Config) (p *probe.Probe, users []*probe.Client, visitor *probe.Client) {
	p = probe.Over(t, &probe.Tap{Under: memstore.NewLimited(memstore.MinLimit)}, cfg)
	for range 3 {
		users = append(users, p.Client().Must(probe.Login(t, "u")))
	}
	visitor = p.Client().Must(probe.Set(t, "k", "v"))
	for status := http.StatusOK; status == http.StatusOK; {
		status = p.Client().Visit(probe.Set(t, "k", strings.Repeat("x", 4000))).StatusCode
	}
	for status := http.StatusOK; status == http.StatusOK; {
		status = p.Client().Visit(probe.Set(t, "k", "v")).StatusCode
	}
	p.Saw()
	return p, users, visitor
}

// A flood of visitors keeps nobody from ending sessions, nor from signing in.
func TestAStoreFullOfVisitorsRevokesAndSignsIn(t *testing.T) {
	for _, cfg := range []session.Config{{}, {MaxSessions: 4}, {MaxSessions: 4, RefuseLogin: true}} {
		p, users, _ := flooded(t, cfg)
		users[0].Must(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
			n, err := p.M.RevokeOthers(r.Context(), s)
			if n != 2 {
				t.Errorf("RevokeOthers ended %d sessions, want 2", n)
			}
			return err
		}))
		users[1].Wants(probe.Anonymous)
		p.Client().Must(probe.Login(t, "u")).Wants("<u>")
		if n, err := p.M.RevokeAll(t.Context(), "u"); n != 2 || err != nil {
			t.Errorf("RevokeAll: %d, %v; want 2", n, err)
		}
		users[0].Wants(probe.Anonymous)
		p.Client().Must(probe.Login(t, "u")).Wants("<u>")
		p.Client().Must(probe.Login(t, "v")).Wants("<v>")
	}
}

// What is kept for sign-ins is kept from visitors who are there already, too.
func TestVisitorsDoNotGrowIntoTheRoomForSignIns(t *testing.T) {
	p, users, visitor := flooded(t, session.Config{})
	if status := visitor.Visit(probe.Set(t, "k", strings.Repeat("x", 4000))).StatusCode; status != http.StatusServiceUnavailable {
		t.Errorf("a visitor's session grows: status %d, want 503", status)
	}
	visitor.Wants("<> k=v")
	visitor.Must(probe.Set(t, "k", "w")).Wants("<> k=w")
	users[0].Must(probe.Set(t, "k", strings.Repeat("x", 4000)))
	visitor.Must(probe.Login(t, "w")).Wants("<w> k=w")
	p.Client().Must(probe.Login(t, "u")).Wants("<u>")
}

// Where nothing at all can be written, what can be deleted is deleted all the same,
// and the error says what could not be written.
func TestRevocationGoesOnWhereNothingCanBeWritten(t *testing.T) {
	full := errors.New("full")
	for _, revoke := range []func(p *probe.Probe, s *session.Session) (int, error){
		func(p *probe.Probe, _ *session.Session) (int, error) { return p.M.RevokeAll(t.Context(), "u") },
		func(p *probe.Probe, s *session.Session) (int, error) { return p.M.RevokeOthers(t.Context(), s) },
	} {
		p := probe.New(t, session.Config{})
		here, there := p.Client().Must(probe.Login(t, "u")), p.Client().Must(probe.Login(t, "u"))
		here.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			p.Tap.Put(func(_ context.Context, op string, do func() error) error {
				if op == "create" || op == "save" {
					return full
				}
				return do()
			})
			n, err := revoke(p, s)
			p.Tap.Put(nil)
			if n == 0 || !errors.Is(err, full) {
				t.Errorf("%d sessions were ended, error %v", n, err)
			}
		})
		there.Wants(probe.Anonymous)
	}
}

// aheadBy moves the not-before of u ahead, as a clock that is wrong would have put it.
func aheadBy(p *probe.Probe, d time.Duration) {
	p.T.Helper()
	now := time.Now()
	var mark store.Record
	for _, rec := range p.Tap.Given() {
		if rec.Subject == "" {
			mark = rec
		}
	}
	ctx := p.T.Context()
	before, err := p.Tap.Under.Load(ctx, mark.ID)
	if err != nil {
		p.T.Fatal(err)
	}
	later := before
	later.Version++
	later.Data = append([]byte(nil), before.Data...)
	at := len(later.Data) - 8
	ms := now.Add(d).UnixMilli()
	for i := range 8 {
		later.Data[at+i] = byte(ms >> (8 * i))
	}
	if err := p.Tap.Under.Save(ctx, later, before.Version); err != nil {
		p.T.Fatal(err)
	}
}

// A RevokeAll on a machine whose clock was ahead keeps nobody out for longer than
// until it is noticed, and the next one is right again.
func TestARevocationByAClockThatIsAheadLocksNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, again := range []bool{false, true} {
			p := probe.New(t, session.Config{})
			_, err := p.M.RevokeAll(t.Context(), "u")
			probe.Must(t, err)
			aheadBy(p, time.Hour)
			time.Sleep(time.Second)
			c := p.Client()
			if again {
				_, err := p.M.RevokeAll(t.Context(), "u")
				probe.Must(t, err)
			} else if status := c.Visit(probe.Login(t, "u")).StatusCode; status != http.StatusConflict {
				t.Errorf("a sign-in that may have begun before: status %d, want 409", status)
			}
			time.Sleep(time.Second)
			c.Must(probe.Login(t, "u")).Wants("<u>")
			// It holds for what began before it was noticed.
			late := c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				time.Sleep(time.Second)
				_, err := p.M.RevokeAll(context.Background(), "u")
				probe.Must(t, err, s.Login("u"))
			})
			if late.StatusCode != http.StatusConflict {
				t.Errorf("a sign-in that began before a RevokeAll: status %d, want 409", late.StatusCode)
			}
			time.Sleep(time.Second)
			c.Must(probe.Login(t, "u")).Wants("<u>")

			// Clocks that differ by less than a minute are believed.
			_, err = p.M.RevokeAll(t.Context(), "u")
			probe.Must(t, err)
			aheadBy(p, 50*time.Second)
			if status := c.Visit(probe.Login(t, "u")).StatusCode; status != http.StatusConflict {
				t.Errorf("status %d, want 409", status)
			}
			time.Sleep(40 * time.Second)
			if status := c.Visit(probe.Login(t, "u")).StatusCode; status != http.StatusConflict {
				t.Errorf("40 seconds later: status %d, want 409", status)
			}
			time.Sleep(20 * time.Second)
			c.Must(probe.Login(t, "u")).Wants("<u>")
		}
	})
}

// So with sealed sessions, all of which a not-before in the future would end.
func TestASealedSessionOutlivesARevocationByAClockThatIsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe.Probe{T: t, Tap: probe.NewTap()}
		site := probe.SealedSite(t, probe.NewRing(t), session.Config{NotBefore: p.Tap})
		site.Handle("/in", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { probe.Must(t, s.Login("u")) })
		site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Show(w, r, s) })
		b, other := site.Browser(), site.Browser()
		other.Get("/in")
		time.Sleep(time.Second)
		_, err := site.M.RevokeAll(t.Context(), "u")
		probe.Must(t, err)
		aheadBy(p, time.Hour)
		time.Sleep(time.Second)
		other.Want("/who", 200, probe.Anonymous) // which puts it right
		time.Sleep(time.Second)
		b.Get("/in")
		b.Want("/who", 200, "<u>")
	})
}

// deleting is a tap that deletes by subject, as stores do that can.
type deleting struct {
	*probe.Tap
	batch func(ctx context.Context) error // called for each batch, if there is one
}

func (d *deleting) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return func(yield func(store.ID, error) bool) {
		n := 0
		begin := func() bool {
			if n%10 == 0 && d.batch != nil {
				if err := d.batch(ctx); err != nil {
					yield(store.ID{}, err)
					return false
				}
			}
			n++
			return true
		}
		if !begin() {
			return
		}
		for id, err := range store.DeleteSubject(ctx, d.Under, subject, spare) {
			if !yield(id, err) || !begin() {
				return
			}
		}
	}
}
