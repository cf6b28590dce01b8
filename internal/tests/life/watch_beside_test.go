package life

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store/memstore"
)

// A record of a newer format, as in an upgrade of one machine after another, keeps nobody from
// hearing of the end of another session, and ends none.
func TestANewerRecordHoldsUpNoStream(t *testing.T) {
	open(t, session.Config{}, func(m *machines) {
		other := m.one.Client().Must(probe.Login(m.t, "x"))
		other.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			newer, err := s.Watch(r.Context())
			probe.Must(m.t, err)
			synctest.Wait()
			rec, err := m.one.Tap.Under.Load(r.Context(), s.ID())
			probe.Must(m.t, err)
			old := rec.Version
			rec.Data, rec.Version = bytes.Clone(rec.Data), old+1
			rec.Data[3] = 9 // the format, behind the magic number
			probe.Must(m.t, m.one.Tap.Under.Save(r.Context(), rec, old))
			probe.Must(m.t, m.two.M.Revoke(m.t.Context(), m.stream.ID()))
			m.ends(interval)
			if newer.Err() != nil {
				m.t.Errorf("the stream of the newer record has ended: %v", context.Cause(newer))
			}
		})
	})
}

// A Login of another subject ends the session of before when it is committed, and not when it is
// discarded.
func TestALoginThatIsDiscardedEndsNoStream(t *testing.T) {
	open(t, session.Config{}, func(m *machines) {
		probe.Must(m.t, m.stream.Login("v"))
		time.Sleep(2 * interval)
		m.stream.Discard()
		m.goesOn()
		time.Sleep(2 * interval)
		m.goesOn()
		probe.Must(m.t, m.stream.Login("v"), m.stream.Save(m.t.Context()))
		m.ends(0)
	})
}

// While the stream itself is at the store nothing can be told of its session. It is told as soon as
// that is over, though it has changed nothing.
func TestAnEndBesideATouchOfTheStreamIsHeard(t *testing.T) {
	open(t, session.Config{}, func(m *machines) {
		time.Sleep(10 * time.Minute) // a touch is due
		in, goOn := make(chan bool), make(chan bool)
		m.one.Tap.Put(func(_ context.Context, op string, do func() error) error {
			if op != "touch" {
				return do()
			}
			m.one.Tap.Put(nil)
			err := do()
			close(in)
			<-goOn
			return err
		})
		done := make(chan error)
		go func() { done <- m.stream.Save(m.t.Context()) }()
		<-in
		m.c.Must(probe.Renew(m.t))
		synctest.Wait()
		close(goOn)
		probe.Must(m.t, <-done)
		m.ends(0)
	})
}

// Of several sessions of one request that are destroyed, one is gone though another one stays.
func TestADestroyThatFailsHalfWayIsHeard(t *testing.T) {
	open(t, session.Config{}, func(m *machines) {
		other := m.one.Client().Must(probe.Login(m.t, "x"))
		both := func(r *http.Request) {
			r.Header.Set("Cookie", probe.CookieName+"="+m.c.Token()+"; "+probe.CookieName+"="+other.Token())
		}
		m.one.Client().Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			m.one.Tap.FailFrom("delete", 1, probe.ErrDown)
			if err := s.Destroy(r.Context()); !errors.Is(err, probe.ErrDown) {
				m.t.Errorf("Destroy returns %v", err)
			}
			m.one.Tap.Put(nil)
		}, both)
		m.ends(0)
	})
}

// Two streams of one sealed session have each what its own cookie says.
func TestSealedStreamsEndEachByItsCookie(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, c *probe.Client){
		"used since": func(t *testing.T, c *probe.Client) { c.Must(probe.Set(t, "k", 1)) },
		"renewed":    func(t *testing.T, c *probe.Client) { c.Must(probe.Renew(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.Sealed(t, probe.NewRing(t), session.Config{IdleTimeout: time.Hour, NotBefore: memstore.New()})
				c := p.Client().Must(probe.Login(t, "u"))
				c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					older, err := s.Watch(r.Context())
					probe.Must(t, err)
					time.Sleep(30 * time.Minute)
					change(t, c)
					c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
						newer, err := s.Watch(r.Context())
						probe.Must(t, err)
						time.Sleep(30*time.Minute + interval)
						synctest.Wait()
						if context.Cause(older) != session.ErrEnded || newer.Err() != nil {
							t.Errorf("the older has ended with %v, the newer with %v", context.Cause(older), context.Cause(newer))
						}
						_, err = p.M.RevokeAll(r.Context(), "u")
						probe.Must(t, err)
						<-newer.Done()
					})
				})
				probe.Must(t, p.M.Close())
			})
		})
	}
}
