package session_test

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
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A direct client loads and commits sessions without HTTP handlers.
type direct struct {
	t *testing.T
	m *session.Manager
}

func newDirect(t *testing.T, st store.Store, cfg session.Config) direct {
	return direct{t, newSite(t, st, cfg).m}
}

func (d direct) request(c *http.Cookie) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if c != nil {
		r.AddCookie(c)
	}
	return r
}

func (d direct) load(c *http.Cookie) *session.Session {
	d.t.Helper()
	s, err := d.m.Load(d.request(c))
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// commit returns the cookie that was set, if any.
func (d direct) commit(s *session.Session) *http.Cookie {
	d.t.Helper()
	c, err := d.m.Commit(d.t.Context(), s)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// with stores a session in which a key is set.
func (d direct) with(key string, v any) *http.Cookie {
	d.t.Helper()
	s := d.load(nil)
	if err := s.Set(key, v); err != nil {
		d.t.Fatal(err)
	}
	return d.commit(s)
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestDiscardTakesALoginBack(t *testing.T) {
	d := newDirect(t, nil, session.Config{})
	c := d.with("a", 1)
	s := d.load(c)
	deadline := s.Deadline()
	must(t, s.Login("alice"))
	s.Discard()
	if s.Subject() != "" || !s.AuthenticatedAt().IsZero() || !s.Deadline().Equal(deadline) || s.Get("a") != 1 {
		t.Errorf("after Discard the session is of %q, with %v", s.Subject(), s.Get("a"))
	}
	must(t, s.Set("flash", "wrong second factor"))
	if c := d.commit(s); c != nil {
		t.Error("a cookie is set")
	}
	if got := d.load(c).Subject(); got != "" {
		t.Errorf("a Login that was discarded signed the old token in as %q", got)
	}
}

func TestDiscardAfterALoginOnAKilledTokenChangesNothing(t *testing.T) {
	d := newDirect(t, nil, session.Config{})
	c := d.with("a", 1)
	s := d.load(c)
	must(t, s.Renew())
	good := d.commit(s)
	s = d.load(c)
	must(t, s.Login("alice"))
	s.Discard()
	if err := s.Set("x", 1); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Set: %v, want ErrEnded", err)
	}
	if c := d.commit(s); c != nil {
		t.Error("a cookie is set over the good one")
	}
	s = d.load(c)
	must(t, s.Login("alice"), s.Destroy(t.Context()))
	if c := d.commit(s); c != nil {
		t.Error("the good cookie is cleared")
	}
	if got := d.load(good).Get("a"); got != 1 {
		t.Errorf("the good token finds %v", got)
	}
}

func TestAnEndedSessionGivesTheNextSubjectNothing(t *testing.T) {
	d := newDirect(t, nil, session.Config{})
	s := d.load(nil)
	must(t, s.Login("alice"))
	s = d.load(d.commit(s))
	must(t, s.Set("note", "alice's"), s.Login("bob"), s.Set("own", 1))
	must(t, d.m.Revoke(t.Context(), s.ID()))
	n := d.load(d.commit(s))
	if n.Subject() != "bob" || n.Get("note") != nil || n.Get("own") != 1 {
		t.Errorf("%q has %v and %v", n.Subject(), n.Get("note"), n.Get("own"))
	}
}

// TestAKilledTokenWritesNoMore: its write is in, but the answer was lost, and
// meanwhile another machine has signed somebody in on top of it.
func TestAKilledTokenWritesNoMore(t *testing.T) {
	mem := memstore.New()
	f := &faultyStore{Store: mem}
	d, other := newDirect(t, f, session.Config{}), newDirect(t, mem, session.Config{})
	c := d.with("a", 1)
	s := d.load(c)
	must(t, s.Set("a", 2))
	f.save = func(ctx context.Context, rec store.Record, old uint64) error {
		f.save = nil
		must(t, mem.Save(ctx, rec, old))
		o := other.load(c)
		must(t, o.Login("bob"))
		other.commit(o)
		return errors.New("connection reset")
	}
	must(t, s.Save(t.Context())) // that write did happen
	if s.Subject() != "" || s.Get("a") != nil {
		t.Errorf("the killed token sees %q, %v", s.Subject(), s.Get("a"))
	}
	if err := s.Set("a", 3); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Set: %v, want ErrEnded", err)
	}
}

func TestAFailedCommitLeavesNothingForALaterSave(t *testing.T) {
	f := &faultyStore{Store: memstore.New()}
	site := newSite(t, f, session.Config{})
	site.handle("/first", func(w http.ResponseWriter, r *http.Request, s *session.Session) { increment(s) })
	site.handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Login("alice"))
		fmt.Fprint(w, "signed in")
		f.save = nil
		if err := s.Set("audit", 1); session.ErrorStatus(err) != http.StatusServiceUnavailable {
			t.Errorf("Set: %v, want the error of the commit", err)
		}
		if err := s.Save(r.Context()); session.ErrorStatus(err) != http.StatusServiceUnavailable {
			t.Errorf("Save: %v, want the error of the commit", err)
		}
	})
	site.handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Subject(), s.Get("n"))
	})
	b := site.browser()
	b.get("/first")
	f.save = func(context.Context, store.Record, uint64) error { return errors.New("disk full") }
	b.want("/", http.StatusServiceUnavailable, "Service Unavailable")
	b.want("/who", 200, "1")
	if infos, err := collect(site.m.List(t.Context(), "alice")); err != nil || len(infos) != 0 {
		t.Errorf("alice has %v, %v: a session under a token that nobody was given", infos, err)
	}
}

func TestSaveLeavesTheAnswerToTheHandler(t *testing.T) {
	site := newSite(t, nil, session.Config{})
	d := direct{t, site.m}
	c := d.with("flash", "x")
	site.handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if s.Pop("flash") != "x" {
			t.Error("no flash")
		}
		o, err := site.m.Load(d.request(c))
		must(t, err)
		o.Pop("flash")
		d.commit(o)
		if err := s.Save(r.Context()); !errors.Is(err, session.ErrConflict) {
			t.Errorf("Save: %v, want ErrConflict", err)
		}
		http.Error(w, "my own page", http.StatusUnprocessableEntity)
	})
	b := site.browser()
	b.name, b.val = c.Name, c.Value
	b.want("/", http.StatusUnprocessableEntity, "my own page")
}

func TestAnErrorOfUpdateAtTheMergeIsReportedOnce(t *testing.T) {
	site := newSite(t, nil, session.Config{})
	d := direct{t, site.m}
	c := d.with("n", 1)
	site.handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, counter.Update(s, func(n int) (int, error) {
			if n == 5 {
				return 0, errors.New("no more")
			}
			return n + 1, nil
		}))
		must(t, site.m.Edit(t.Context(), s.ID(), func(s *session.Session) error { return s.Set("n", 5) }))
	})
	b := site.browser()
	b.name, b.val = c.Name, c.Value
	b.want("/", http.StatusInternalServerError, "Internal Server Error")
	if got := site.saw(session.EventCommitFailed); got != 1 {
		t.Errorf("%d failed commits were reported, want 1", got)
	}
}

// TestAConflictWithItselfAtTheDeadline: the client of the store sent twice, was
// told of a conflict, and the time was over before anybody could look.
func TestAConflictWithItselfAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memstore.New()
		f := &faultyStore{Store: mem}
		d := newDirect(t, f, session.Config{})
		c := d.with("n", 1)
		s := d.load(c)
		must(t, increment(s))
		f.save = func(ctx context.Context, rec store.Record, old uint64) error {
			f.save = nil
			must(t, mem.Save(ctx, rec, old))
			<-ctx.Done()
			return store.ErrConflict
		}
		if err := s.Save(t.Context()); err == nil || s.Save(t.Context()) != err {
			t.Fatal("Save knows what it cannot know")
		}
		if n, _ := counter.Get(d.load(c)); n != 2 {
			t.Errorf("n is %d, want 2", n)
		}
	})
}

// TestAStaleRecordHandedOnFailsNothing: the writer before, in this process, got
// its answer late, and hands on what is older than what this request loaded.
func TestAStaleRecordHandedOnFailsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memstore.New()
		f := &faultyStore{Store: mem}
		d, other := newDirect(t, f, session.Config{}), newDirect(t, mem, session.Config{})
		c := d.with("a", 1)
		applied, answer := make(chan bool), make(chan bool)
		f.save = func(ctx context.Context, rec store.Record, old uint64) error {
			f.save = nil
			err := mem.Save(ctx, rec, old)
			close(applied)
			<-answer
			return err
		}
		a := d.load(c)
		must(t, a.Set("a", 2))
		saved := make(chan error, 2)
		go func() { saved <- a.Save(t.Context()) }()
		<-applied
		o := other.load(c)
		must(t, o.Set("flash", "hello"))
		other.commit(o)
		b := d.load(c)
		if b.Pop("flash") != "hello" {
			t.Error("no flash")
		}
		go func() { saved <- b.Save(t.Context()) }()
		synctest.Wait() // b waits for its turn
		close(answer)
		must(t, <-saved, <-saved)
	})
}

func TestStartForgivesARotationThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faultyStore{Store: memstore.New()}
		site := newSite(t, f, session.Config{Grace: time.Minute, RotateEvery: 10 * time.Minute})
		d := direct{t, site.m}
		c := d.with("a", 1)
		time.Sleep(11 * time.Minute)
		f.save = func(context.Context, store.Record, uint64) error { return errors.New("read only") }
		w := httptest.NewRecorder()
		if _, err := d.m.Start(w, d.request(c)); err != nil || len(w.Result().Cookies()) != 0 {
			t.Errorf("%v, cookies %v", err, w.Result().Cookies())
		}
		if got := site.saw(session.EventRotateFailed); got != 1 {
			t.Errorf("%d failed rotations were reported, want 1", got)
		}
	})
}

func TestMistakesOfTheCallerAreErrors(t *testing.T) {
	a, b := newDirect(t, nil, session.Config{}), newDirect(t, nil, session.Config{})
	s := a.load(nil)
	must(t, s.Set("a", 1))
	if _, err := b.m.Commit(t.Context(), s); err == nil {
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
	p := newProbe(t, session.Config{})
	c := p.client().must(set(t, "k", 1))
	token := c.token()
	c.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Login("u"), s.Save(r.Context()), p.m.Revoke(r.Context(), s.ID()))
		if err := s.Reload(r.Context()); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Reload: %v, want ErrEnded", err)
		}
	})
	if c.token() != token {
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
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u"))
		within, goOn := make(chan bool), make(chan bool)
		p.tap.put(func(_ context.Context, o string, do func() error) error {
			if o == op {
				close(within)
				<-goOn
			}
			return do()
		})
		var of *session.Session
		returned := make(chan error)
		c.must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			of = s
			io.WriteString(w, "the first byte")
			go func() { returned <- act(context.WithoutCancel(r.Context()), s) }()
			<-within
		})
		close(goOn)
		p.saw()
		must(t, <-returned)
		if got := p.heard(); op == "save" && (got != "" || of.IsNew()) {
			t.Errorf("after a late save the events are %q, and IsNew is %v", got, of.IsNew())
		}
		if ck, err := p.m.Commit(context.Background(), of); ck != nil && op == "save" {
			t.Errorf("Commit of what is done: %v, %v", ck, err)
		}
		if err := of.Set("k", 1); !errors.Is(err, session.ErrDone) {
			t.Errorf("Set after a late %s: %v, want ErrDone", op, err)
		}
	}
}
