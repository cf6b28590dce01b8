package session_test

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
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// flooded returns a probe over a store that visitors have filled as far as they can,
// where u is signed in as often as there are names, and a visitor of before.
func flooded(t *testing.T, cfg session.Config) (p *probe, users []*client, visitor *client) {
	p = probeOver(t, &tap{under: memstore.NewLimited(memstore.MinLimit)}, cfg)
	for range 3 {
		users = append(users, p.client().must(login(t, "u")))
	}
	visitor = p.client().must(set(t, "k", "v"))
	for status := http.StatusOK; status == http.StatusOK; {
		status = p.client().visit(set(t, "k", strings.Repeat("x", 4000))).StatusCode
	}
	for status := http.StatusOK; status == http.StatusOK; {
		status = p.client().visit(set(t, "k", "v")).StatusCode
	}
	p.saw()
	return p, users, visitor
}

// A flood of visitors keeps nobody from ending sessions, nor from signing in.
func TestAStoreFullOfVisitorsRevokesAndSignsIn(t *testing.T) {
	for _, cfg := range []session.Config{{}, {MaxSessions: 4}, {MaxSessions: 4, RefuseLogin: true}} {
		p, users, _ := flooded(t, cfg)
		users[0].must(succeed(t, func(r *http.Request, s *session.Session) error {
			n, err := p.m.RevokeOthers(r.Context(), s)
			if n != 2 {
				t.Errorf("RevokeOthers ended %d sessions, want 2", n)
			}
			return err
		}))
		users[1].wants(anonymous)
		p.client().must(login(t, "u")).wants("<u>")
		if n, err := p.m.RevokeAll(t.Context(), "u"); n != 2 || err != nil {
			t.Errorf("RevokeAll: %d, %v; want 2", n, err)
		}
		users[0].wants(anonymous)
		p.client().must(login(t, "u")).wants("<u>")
		p.client().must(login(t, "v")).wants("<v>")
	}
}

// What is kept for sign-ins is kept from visitors who are there already, too.
func TestVisitorsDoNotGrowIntoTheRoomForSignIns(t *testing.T) {
	p, users, visitor := flooded(t, session.Config{})
	if status := visitor.visit(set(t, "k", strings.Repeat("x", 4000))).StatusCode; status != http.StatusServiceUnavailable {
		t.Errorf("a visitor's session grows: status %d, want 503", status)
	}
	visitor.wants("<> k=v")
	visitor.must(set(t, "k", "w")).wants("<> k=w")
	users[0].must(set(t, "k", strings.Repeat("x", 4000)))
	visitor.must(login(t, "w")).wants("<w> k=w")
	p.client().must(login(t, "u")).wants("<u>")
}

// Where nothing at all can be written, what can be deleted is deleted all the same,
// and the error says what could not be written.
func TestRevocationGoesOnWhereNothingCanBeWritten(t *testing.T) {
	full := errors.New("full")
	for _, revoke := range []func(p *probe, s *session.Session) (int, error){
		func(p *probe, _ *session.Session) (int, error) { return p.m.RevokeAll(t.Context(), "u") },
		func(p *probe, s *session.Session) (int, error) { return p.m.RevokeOthers(t.Context(), s) },
	} {
		p := newProbe(t, session.Config{})
		here, there := p.client().must(login(t, "u")), p.client().must(login(t, "u"))
		here.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			p.tap.put(func(_ context.Context, op string, do func() error) error {
				if op == "create" || op == "save" {
					return full
				}
				return do()
			})
			n, err := revoke(p, s)
			p.tap.put(nil)
			if n == 0 || !errors.Is(err, full) {
				t.Errorf("%d sessions were ended, error %v", n, err)
			}
		})
		there.wants(anonymous)
	}
}

// aheadBy moves the not-before of u ahead, as a clock that is wrong would have put it.
func (p *probe) aheadBy(d time.Duration) {
	p.t.Helper()
	now := time.Now()
	var mark store.Record
	for _, rec := range p.tap.given() {
		if rec.Subject == "" {
			mark = rec
		}
	}
	ctx := p.t.Context()
	before, err := p.tap.under.Load(ctx, mark.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	later := before
	later.Version++
	later.Data = append([]byte(nil), before.Data...)
	at := len(later.Data) - 8
	ms := now.Add(d).UnixMilli()
	for i := range 8 {
		later.Data[at+i] = byte(ms >> (8 * i))
	}
	if err := p.tap.under.Save(ctx, later, before.Version); err != nil {
		p.t.Fatal(err)
	}
}

// A RevokeAll on a machine whose clock was ahead keeps nobody out for longer than
// until it is noticed, and the next one is right again.
func TestARevocationByAClockThatIsAheadLocksNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, again := range []bool{false, true} {
			p := newProbe(t, session.Config{})
			_, err := p.m.RevokeAll(t.Context(), "u")
			must(t, err)
			p.aheadBy(time.Hour)
			time.Sleep(time.Second)
			c := p.client()
			if again {
				_, err := p.m.RevokeAll(t.Context(), "u")
				must(t, err)
			} else if status := c.visit(login(t, "u")).StatusCode; status != http.StatusConflict {
				t.Errorf("a sign-in that may have begun before: status %d, want 409", status)
			}
			time.Sleep(time.Second)
			c.must(login(t, "u")).wants("<u>")
			// It holds for what began before it was noticed.
			late := c.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				time.Sleep(time.Second)
				_, err := p.m.RevokeAll(context.Background(), "u")
				must(t, err, s.Login("u"))
			})
			if late.StatusCode != http.StatusConflict {
				t.Errorf("a sign-in that began before a RevokeAll: status %d, want 409", late.StatusCode)
			}
			time.Sleep(time.Second)
			c.must(login(t, "u")).wants("<u>")

			// Clocks that differ by less than a minute are believed.
			_, err = p.m.RevokeAll(t.Context(), "u")
			must(t, err)
			p.aheadBy(50 * time.Second)
			if status := c.visit(login(t, "u")).StatusCode; status != http.StatusConflict {
				t.Errorf("status %d, want 409", status)
			}
			time.Sleep(40 * time.Second)
			if status := c.visit(login(t, "u")).StatusCode; status != http.StatusConflict {
				t.Errorf("40 seconds later: status %d, want 409", status)
			}
			time.Sleep(20 * time.Second)
			c.must(login(t, "u")).wants("<u>")
		}
	})
}

// So with sealed sessions, all of which a not-before in the future would end.
func TestASealedSessionOutlivesARevocationByAClockThatIsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{t: t, tap: newTap()}
		site := newSealedSite(t, newRing(t), session.Config{NotBefore: p.tap})
		site.handle("/in", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { must(t, s.Login("u")) })
		site.handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { show(w, r, s) })
		b, other := site.browser(), site.browser()
		other.get("/in")
		time.Sleep(time.Second)
		_, err := site.m.RevokeAll(t.Context(), "u")
		must(t, err)
		p.aheadBy(time.Hour)
		time.Sleep(time.Second)
		other.want("/who", 200, anonymous) // which puts it right
		time.Sleep(time.Second)
		b.get("/in")
		b.want("/who", 200, "<u>")
	})
}

// deleting is a tap that deletes by subject, as stores do that can.
type deleting struct {
	*tap
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
		for id, err := range store.DeleteSubject(ctx, d.under, subject, spare) {
			if !yield(id, err) || !begin() {
				return
			}
		}
	}
}
