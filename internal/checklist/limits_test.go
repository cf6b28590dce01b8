package checklist

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
)

func TestSecurity_DS1_AnonymousRequestsAreFree(t *testing.T) {
	const n = 10_000
	p := probe.New(t, session.Config{})
	h := p.M.Handler(probe.Act(probe.Show))
	for name, tt := range map[string]struct {
		cookie func() string
		calls  int
	}{
		"without a cookie": {func() string { return "" }, 0},
		"malformed":        {func() string { return "x" }, 0},
		"forged":           {probe.ForgedToken, n}, // each is looked up, once
	} {
		p.Tap.Took()
		for range n {
			r := &http.Request{Header: http.Header{}}
			if value := tt.cookie(); value != "" {
				r.Header["Cookie"] = []string{probe.CookieName + "=" + value}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 || len(w.Header()["Set-Cookie"]) != 0 {
				t.Fatalf("%s: %d %q", name, w.Code, w.Header())
			}
		}
		calls := p.Tap.Took()
		if len(calls) != tt.calls {
			t.Errorf("%s: %d calls of the store, want %d", name, len(calls), tt.calls)
		}
		for _, op := range calls {
			if op != "load" {
				t.Fatalf("%s: the store was asked to %s", name, op)
			}
		}
	}
	if n := len(p.Tap.Given()); n != 0 {
		t.Errorf("%d records were written", n)
	}
}

func TestSecurity_DS3_ASessionHasALimit(t *testing.T) {
	p := probe.New(t, session.Config{MaxSize: 1000, MaxValues: 3, MaxPending: 50})
	c := p.Client().Must(probe.Set(t, "k", 1))
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("big", strings.Repeat("x", 1000)); !errors.Is(err, session.ErrTooLarge) {
			t.Errorf("a value over MaxSize: %v", err)
		}
		s.Set("a", 1)
		s.Set("b", 2)
		if err := s.Set("c", 3); !errors.Is(err, session.ErrTooLarge) {
			t.Errorf("a value over MaxValues: %v", err)
		}
	}).Wants("<> a=1 b=2 k=1")
	n := session.NewKey[int]("n")
	c.Must(probe.Logout(t)).Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		var err error
		for range 50 {
			err = errors.Join(err, n.Update(s, func(i int) (int, error) { return i + 1, nil }))
		}
		if err != nil {
			t.Error(err)
		}
		if err := n.Update(s, func(i int) (int, error) { return i + 1, nil }); !errors.Is(err, session.ErrTooLarge) {
			t.Errorf("a change over MaxPending: %v", err)
		}
	}).Wants("<> n=50")
}

func TestSecurity_DS3_TwoRequestsDoNotExceedItTogether(t *testing.T) {
	p := probe.New(t, session.Config{MaxSize: 1000})
	c := p.Client().Must(probe.Login(t, "u"))
	half := strings.Repeat("x", 600)
	slow := p.With(c.Token())
	loaded, done := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		res := slow.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			close(loaded)
			<-done
			if err := s.Set("b", half); err != nil {
				t.Error(err)
			}
		})
		if res.StatusCode != 500 || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("the second half: %d, want 500", res.StatusCode)
		}
	})
	<-loaded
	c.Must(probe.Set(t, "a", half))
	close(done)
	wg.Wait()
	c.Wants("<u> a=" + half)
}

func TestSecurity_DS3_AStoreCannotServeWhatWasNeverWritten(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	p.Saw()
	p.Tap.Poison(func(rec store.Record) store.Record {
		// One value more, which is valid but for its size.
		data := rec.Data[: len(rec.Data)-1 : len(rec.Data)-1]
		rec.Data = append(append(data, 1, 1, 'k', 17, 0x80, 0x80, 0x40), make([]byte, store.MaxData)...)
		return rec
	})
	if got := c.State(); got != probe.Anonymous {
		t.Errorf("it was served: the session is %.20q", got)
	}
	if got := p.Heard(); got != "corrupt record" {
		t.Errorf("a record of more than store.MaxData bytes makes the events %q", got)
	}
}

func TestSecurity_DS8_APanicKeepsNothingAndHoldsNothing(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	token := c.Token()
	boom := errors.New("boom")
	explode := func(f probe.Act) (s *session.Session) {
		defer func() {
			if e := recover(); e != boom {
				t.Errorf("the panic is %v", e)
			}
		}()
		c.Visit(func(w http.ResponseWriter, r *http.Request, own *session.Session) {
			s = own
			f(w, r, own)
			panic(boom)
		})
		return s
	}
	for name, f := range map[string]probe.Act{
		"before the first byte": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Set("k", 1); s.Renew() },
		"after it": func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			w.WriteHeader(200)
			s.Set("k", 1)
		},
	} {
		s := explode(f)
		if err := s.Set("k", 2); !errors.Is(err, session.ErrDone) {
			t.Errorf("%s: a change afterwards: %v", name, err)
		}
		if c.Token() != token {
			t.Errorf("%s: the client's token changed", name)
		}
		c.Must(probe.Set(t, "free", true)) // no lock is held
		c.Wants("<u> free=true")
	}
}

func TestSecurity_DS8_APanicInAnUpdateHoldsNothing(t *testing.T) {
	n := session.NewKey[int]("n")
	within := func(t *testing.T, f func()) {
		t.Helper()
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Fatal("the request hangs")
		}
	}
	// second returns a function that panics when it is called again, as a
	// merge does.
	second := func() func(int) (int, error) {
		calls := 0
		return func(i int) (int, error) {
			if calls++; calls > 1 {
				panic("again")
			}
			return i + 1, nil
		}
	}
	visit := func(c *probe.Client, f probe.Act) (res *http.Response, panicked any) {
		defer func() { panicked = recover() }()
		return c.Visit(f), nil
	}

	t.Run("in a merge", func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		within(t, func() {
			_, panicked := visit(p.With(c.Token()), func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if err := n.Update(s, second()); err != nil {
					t.Error(err)
				}
				c.Must(probe.Set(t, "k", 1)) // has the commit merge
			})
			if panicked != "again" {
				t.Errorf("the panic is %v", panicked)
			}
			c.Must(probe.Set(t, "free", true)).Wants("<u> free=true k=1")
		})
	})

	t.Run("beside a commit", func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		saving, updated := make(chan struct{}), make(chan struct{})
		p.Tap.Put(func(_ context.Context, op string, do func() error) error {
			if op == "save" {
				close(saving)
				<-updated
			}
			return do()
		})
		within(t, func() {
			visit(p.With(c.Token()), func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				go func() {
					defer close(updated)
					<-saving
					if err := n.Update(s, second()); err != nil {
						t.Error(err)
					}
				}()
				s.Set("k", 1)
				s.Save(r.Context())
			})
			p.Tap.Put(nil)
			c.Must(probe.Set(t, "free", true)).Wants("<u> free=true k=1")
		})
	})
}

// A collectorStore collects until it is told to end.
type collectorStore struct {
	*probe.Tap
	rounds, running atomic.Int32
}

func (c *collectorStore) GC(ctx context.Context) (int, error) {
	c.rounds.Add(1)
	c.running.Add(1)
	defer c.running.Add(-1)
	<-ctx.Done()
	return 0, ctx.Err()
}

// Collection keeps nobody waiting, goes on in rounds, and is over when Close
// returns: synctest does not let a goroutine be left.
func TestSecurity_DS4_CollectionHoldsNobodyUpAndEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &collectorStore{Tap: probe.NewTap()}
		m, err := session.NewManager(st, session.Config{GCInterval: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		p := &probe.Probe{T: t, M: m, Tap: st.Tap, H: m.Handler(http.HandlerFunc(probe.Brought))}
		time.Sleep(90 * time.Second)
		synctest.Wait()
		if n := st.running.Load(); n != 1 {
			t.Fatalf("%d collections run", n)
		}
		began := time.Now()
		p.Client().Must(probe.Login(t, "u")).Wants("<u>")
		if took := time.Since(began); took != 0 {
			t.Errorf("a request waits %v for a collection", took)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if rounds, running := st.rounds.Load(), st.running.Load(); rounds < 3 || running > 1 {
			t.Errorf("after 4 intervals %d rounds were begun, of which %d run", rounds, running)
		}
		probe.Must(t, m.Close())
		if st.running.Load() != 0 {
			t.Error("a collection runs after Close")
		}
	})
}

func TestSecurity_DS2_AFloodOfAnonymousWritesIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{AdmitAnonymous: session.LimitRate(10, time.Minute), AnonymousLifetime: 10 * time.Minute})
		known, user := p.Client().Must(probe.Set(t, "k", 1)), p.Client().Must(probe.Login(t, "u"))
		admitted := 0
		for range 30 {
			for range 100 {
				switch res := p.Client().Visit(probe.Set(t, "k", 1)); res.StatusCode {
				case http.StatusOK:
					admitted++
				case http.StatusTooManyRequests:
					if len(res.Cookies()) > 0 {
						t.Error("a refused visitor is given a cookie")
					}
				default:
					t.Errorf("status %d", res.StatusCode)
				}
			}
			// Who is there already, or signs in, is not kept out.
			known.Must(probe.Set(t, "k", 2))
			user.Must(probe.Set(t, "k", 2))
			p.Client().Must(probe.Login(t, "u"))
			p.Client().Wants(probe.Anonymous)
			time.Sleep(6 * time.Second)
			if admitted == 0 {
				t.Fatal("nobody is admitted")
			}
		}
		if admitted != 9+29 { // one went to known; one more each 6 seconds
			t.Errorf("%d visitors were admitted in 3 minutes, want 38", admitted)
		}
	})
}
