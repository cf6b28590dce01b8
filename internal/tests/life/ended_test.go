package life

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

func TestDiscardTakesALoginBack(t *testing.T) {
	d := probe.NewDirect(t, nil, session.Config{})
	c := d.With("a", 1)
	s := d.Load(c)
	deadline := s.Deadline()
	probe.Must(t, s.Login("alice"))
	s.Discard()
	if s.Subject() != "" || !s.AuthenticatedAt().IsZero() || !s.Deadline().Equal(deadline) || s.Get("a") != 1 {
		t.Errorf("after Discard the session is of %q, with %v", s.Subject(), s.Get("a"))
	}
	probe.Must(t, s.Set("flash", "wrong second factor"))
	if c := d.Commit(s); c != nil {
		t.Error("a cookie is set")
	}
	if got := d.Load(c).Subject(); got != "" {
		t.Errorf("a Login that was discarded signed the old token in as %q", got)
	}
}

func TestDiscardAfterALoginOnAKilledTokenChangesNothing(t *testing.T) {
	d := probe.NewDirect(t, nil, session.Config{})
	c := d.With("a", 1)
	s := d.Load(c)
	probe.Must(t, s.Renew())
	good := d.Commit(s)
	s = d.Load(c)
	probe.Must(t, s.Login("alice"))
	s.Discard()
	if err := s.Set("x", 1); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Set: %v, want ErrEnded", err)
	}
	if c := d.Commit(s); c != nil {
		t.Error("a cookie is set over the good one")
	}
	s = d.Load(c)
	probe.Must(t, s.Login("alice"), s.Destroy(t.Context()))
	if c := d.Commit(s); c != nil {
		t.Error("the good cookie is cleared")
	}
	if got := d.Load(good).Get("a"); got != 1 {
		t.Errorf("the good token finds %v", got)
	}
}

func TestAnEndedSessionGivesTheNextSubjectNothing(t *testing.T) {
	d := probe.NewDirect(t, nil, session.Config{})
	s := d.Load(nil)
	probe.Must(t, s.Login("alice"))
	s = d.Load(d.Commit(s))
	probe.Must(t, s.Set("note", "alice's"), s.Login("bob"), s.Set("own", 1))
	probe.Must(t, d.M.Revoke(t.Context(), s.ID()))
	n := d.Load(d.Commit(s))
	if n.Subject() != "bob" || n.Get("note") != nil || n.Get("own") != 1 {
		t.Errorf("%q has %v and %v", n.Subject(), n.Get("note"), n.Get("own"))
	}
}

// TestAKilledTokenWritesNoMore: its write is in, but the answer was lost, and
// meanwhile another machine has signed somebody in on top of it.
func TestAKilledTokenWritesNoMore(t *testing.T) {
	mem := memstore.New()
	f := &probe.Faulty{Store: mem}
	d, other := probe.NewDirect(t, f, session.Config{}), probe.NewDirect(t, mem, session.Config{})
	c := d.With("a", 1)
	s := d.Load(c)
	probe.Must(t, s.Set("a", 2))
	f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
		f.OnSave = nil
		probe.Must(t, mem.Save(ctx, rec, old))
		o := other.Load(c)
		probe.Must(t, o.Login("bob"))
		other.Commit(o)
		return errors.New("connection reset")
	}
	probe.Must(t, s.Save(t.Context())) // that write did happen
	if s.Subject() != "" || s.Get("a") != nil {
		t.Errorf("the killed token sees %q, %v", s.Subject(), s.Get("a"))
	}
	if err := s.Set("a", 3); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Set: %v, want ErrEnded", err)
	}
}

func TestAFailedCommitLeavesNothingForALaterSave(t *testing.T) {
	f := &probe.Faulty{Store: memstore.New()}
	site := probe.NewSite(t, f, session.Config{})
	site.Handle("/first", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Increment(s) })
	site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Login("alice"))
		fmt.Fprint(w, "signed in")
		f.OnSave = nil
		if err := s.Set("audit", 1); session.ErrorStatus(err) != http.StatusServiceUnavailable {
			t.Errorf("Set: %v, want the error of the commit", err)
		}
		if err := s.Save(r.Context()); session.ErrorStatus(err) != http.StatusServiceUnavailable {
			t.Errorf("Save: %v, want the error of the commit", err)
		}
	})
	site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Subject(), s.Get("n"))
	})
	b := site.Browser()
	b.Get("/first")
	f.OnSave = func(context.Context, store.Record, uint64) error { return errors.New("disk full") }
	b.Want("/", http.StatusServiceUnavailable, "Service Unavailable")
	b.Want("/who", 200, "1")
	if infos, err := probe.Collect(site.M.List(t.Context(), "alice")); err != nil || len(infos) != 0 {
		t.Errorf("alice has %v, %v: a session under a token that nobody was given", infos, err)
	}
}

func TestSaveLeavesTheAnswerToTheHandler(t *testing.T) {
	site := probe.NewSite(t, nil, session.Config{})
	d := probe.Direct{T: t, M: site.M}
	c := d.With("flash", "x")
	site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if s.Pop("flash") != "x" {
			t.Error("no flash")
		}
		o, err := site.M.Load(d.Request(c))
		probe.Must(t, err)
		o.Pop("flash")
		d.Commit(o)
		if err := s.Save(r.Context()); !errors.Is(err, session.ErrConflict) {
			t.Errorf("Save: %v, want ErrConflict", err)
		}
		http.Error(w, "my own page", http.StatusUnprocessableEntity)
	})
	b := site.Browser()
	b.Name, b.Val = c.Name, c.Value
	b.Want("/", http.StatusUnprocessableEntity, "my own page")
}

func TestAnErrorOfUpdateAtTheMergeIsReportedOnce(t *testing.T) {
	site := probe.NewSite(t, nil, session.Config{})
	d := probe.Direct{T: t, M: site.M}
	c := d.With("n", 1)
	site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, probe.Counter.Update(s, func(n int) (int, error) {
			if n == 5 {
				return 0, errors.New("no more")
			}
			return n + 1, nil
		}))
		probe.Must(t, site.M.Edit(t.Context(), s.ID(), func(s *session.Session) error { return s.Set("n", 5) }))
	})
	b := site.Browser()
	b.Name, b.Val = c.Name, c.Value
	b.Want("/", http.StatusInternalServerError, "Internal Server Error")
	if got := site.Saw(session.EventCommitFailed); got != 1 {
		t.Errorf("%d failed commits were reported, want 1", got)
	}
}

// TestAConflictWithItselfAtTheDeadline: the client of the store sent twice, was
// told of a conflict, and the time was over before anybody could look.
func TestAConflictWithItselfAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memstore.New()
		f := &probe.Faulty{Store: mem}
		d := probe.NewDirect(t, f, session.Config{})
		c := d.With("n", 1)
		s := d.Load(c)
		probe.Must(t, probe.Increment(s))
		f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
			f.OnSave = nil
			probe.Must(t, mem.Save(ctx, rec, old))
			<-ctx.Done()
			return store.ErrConflict
		}
		if err := s.Save(t.Context()); err == nil || s.Save(t.Context()) != err {
			t.Fatal("Save knows what it cannot know")
		}
		if n, _ := probe.Counter.Get(d.Load(c)); n != 2 {
			t.Errorf("n is %d, want 2", n)
		}
	})
}

// TestAStaleRecordHandedOnFailsNothing: the writer before, in this process, got
// its answer late, and hands on what is older than what this request loaded.
func TestAStaleRecordHandedOnFailsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memstore.New()
		f := &probe.Faulty{Store: mem}
		d, other := probe.NewDirect(t, f, session.Config{}), probe.NewDirect(t, mem, session.Config{})
		c := d.With("a", 1)
		applied, answer := make(chan bool), make(chan bool)
		f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
			f.OnSave = nil
			err := mem.Save(ctx, rec, old)
			close(applied)
			<-answer
			return err
		}
		a := d.Load(c)
		probe.Must(t, a.Set("a", 2))
		saved := make(chan error, 2)
		go func() { saved <- a.Save(t.Context()) }()
		<-applied
		o := other.Load(c)
		probe.Must(t, o.Set("flash", "hello"))
		other.Commit(o)
		b := d.Load(c)
		if b.Pop("flash") != "hello" {
			t.Error("no flash")
		}
		go func() { saved <- b.Save(t.Context()) }()
		synctest.Wait() // b waits for its turn
		close(answer)
		probe.Must(t, <-saved, <-saved)
	})
}

func TestStartForgivesARotationThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &probe.Faulty{Store: memstore.New()}
		site := probe.NewSite(t, f, session.Config{Grace: time.Minute, RotateEvery: 10 * time.Minute})
		d := probe.Direct{T: t, M: site.M}
		c := d.With("a", 1)
		time.Sleep(11 * time.Minute)
		f.OnSave = func(context.Context, store.Record, uint64) error { return errors.New("read only") }
		w := httptest.NewRecorder()
		if _, err := d.M.Start(w, d.Request(c)); err != nil || len(w.Result().Cookies()) != 0 {
			t.Errorf("%v, cookies %v", err, w.Result().Cookies())
		}
		if got := site.Saw(session.EventRotateFailed); got != 1 {
			t.Errorf("%d failed rotations were reported, want 1", got)
		}
	})
}

func TestMistakesOfTheCallerAreErrors(t *testing.T) {
	a, b := probe.NewDirect(t, nil, session.Config{}), probe.NewDirect(t, nil, session.Config{})
	s := a.Load(nil)
	probe.Must(t, s.Set("a", 1))
	if _, err := b.M.Commit(t.Context(), s); err == nil {
		t.Error("another Manager commits the session")
	}
	var zero session.Key[int]
	if zero.Set(s, 1) == nil || zero.Update(s, func(n int) (int, error) { return n, nil }) == nil {
		t.Error("a zero Key is accepted")
	}
}

// A cookie that was due for a session which has ended since is not sent: it would
// take the place of a good one.
func TestNoCookieOfASessionThatEndsMeanwhile(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "k", 1))
	token := c.Token()
	c.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Login("u"), s.Save(r.Context()), p.M.Revoke(r.Context(), s.ID()))
		if err := s.Reload(r.Context()); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Reload: %v, want ErrEnded", err)
		}
	})
	if c.Token() != token {
		t.Error("the cookie of a session that has ended was sent")
	}
}

// What another goroutine does with a session, and outlasts the handler, brings it to
// no other phase.
func TestWhatOutlastsTheHandlerLeavesItDone(t *testing.T) {
	for op, act := range map[string]func(context.Context, *session.Session) error{
		"delete": func(ctx context.Context, s *session.Session) error { return s.Destroy(ctx) },
		"save":   func(ctx context.Context, s *session.Session) error { return errors.Join(s.Set("k", 1), s.Save(ctx)) },
	} {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		within, goOn := make(chan bool), make(chan bool)
		p.Tap.Put(func(_ context.Context, o string, do func() error) error {
			if o == op {
				close(within)
				<-goOn
			}
			return do()
		})
		var of *session.Session
		returned := make(chan error)
		c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			of = s
			io.WriteString(w, "the first byte")
			go func() { returned <- act(context.WithoutCancel(r.Context()), s) }()
			<-within
		})
		close(goOn)
		p.Saw()
		probe.Must(t, <-returned)
		if got := p.Heard(); op == "save" && (got != "" || of.IsNew()) {
			t.Errorf("after a late save the events are %q, and IsNew is %v", got, of.IsNew())
		}
		if ck, err := p.M.Commit(context.Background(), of); ck != nil && op == "save" {
			t.Errorf("Commit of what is done: %v, %v", ck, err)
		}
		if err := of.Set("k", 1); !errors.Is(err, session.ErrDone) {
			t.Errorf("Set after a late %s: %v, want ErrDone", op, err)
		}
	}
}
