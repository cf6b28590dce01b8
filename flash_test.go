package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/b4468f51/session"
)

type notice struct {
	Kind, Text string
}

var notices = session.NewFlash[notice]("notices")

func addNotice(t testing.TB, text string) act {
	return succeed(t, func(_ *http.Request, s *session.Session) error { return notices.Add(s, notice{"info", text}) })
}

// takes has a page take the messages, and returns their texts.
func (c *client) takes() []string {
	c.p.t.Helper()
	var texts []string
	c.must(succeed(c.p.t, func(r *http.Request, s *session.Session) error {
		got, err := notices.Take(r.Context(), s)
		for _, n := range got {
			texts = append(texts, n.Text)
		}
		return err
	}))
	return texts
}

func TestFlashIsShownOnce(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	if got := c.takes(); got != nil || len(p.tap.took()) > 0 || c.token() != "" {
		t.Errorf("of nothing a page takes %q", got)
	}
	c.must(addNotice(t, "a")).must(addNotice(t, "b")).must(login(t, "u"))
	if got := c.takes(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the page shows %q", got)
	}
	p.tap.took()
	if got := c.takes(); got != nil {
		t.Errorf("the next page shows %q", got)
	}
	if calls := p.tap.took(); !slices.Equal(calls, []string{"load"}) {
		t.Errorf("a page without messages costs %v", calls)
	}
	c.wants("<u>")
}

func TestFlashInTheSameRequest(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, notices.Add(s, notice{Text: "a"}))
		got, err := notices.Take(r.Context(), s)
		if len(got) != 1 || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		must(t, notices.Add(s, notice{Text: "b"}))
		must(t, s.Set("k", 1))
	})
	if got := c.takes(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("the next page shows %q", got)
	}
	c.wants("<> k=1")
}

// Whatever is added and taken at once, every message is shown exactly once.
func TestFlashIsNeitherLostNorShownTwice(t *testing.T) {
	tap := newTap()
	machines := []*probe{probeOver(t, tap, session.Config{}), probeOver(t, tap, session.Config{})}
	c := machines[0].client().must(login(t, "u"))
	on := func(i int) *client { return &client{machines[i%2], c.jar, c.url} }
	const n = 60
	var mu sync.Mutex
	var shown []string
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { on(i).must(addNotice(t, fmt.Sprintf("%02d", i))) })
		wg.Go(func() {
			got := on(i + i/2).takes()
			mu.Lock()
			defer mu.Unlock()
			shown = append(shown, got...)
		})
	}
	wg.Wait()
	shown = append(shown, c.takes()...)
	slices.Sort(shown)
	for i := range n {
		if want := fmt.Sprintf("%02d", i); len(shown) != n || shown[i] != want {
			t.Fatalf("%d messages were shown, want %d, each once: %q", len(shown), n, shown)
		}
	}
}

// A page shows what was there when it was committed, and keeps the rest of what
// its request has changed.
func TestFlashTakesWhatIsThereAtTheCommit(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(addNotice(t, "a"))
	other := &client{p, c.jar, c.url}
	var got []notice
	c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Set("k", 1))
		other.must(addNotice(t, "b"))
		var err error
		got, err = notices.Take(r.Context(), s)
		must(t, err)
	})
	if len(got) != 2 || got[0].Text != "a" || got[1].Text != "b" {
		t.Errorf("the page shows %v", got)
	}
	c.wants("<> k=1")

	c.must(addNotice(t, "c"))
	c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Set("k", 2))
		if texts := other.takes(); len(texts) != 1 {
			t.Errorf("the other page shows %q", texts)
		}
		got, err := notices.Take(r.Context(), s)
		if len(got) != 0 || err != nil {
			t.Errorf("what another page has shown is taken again: %v, %v", got, err)
		}
	})
	c.wants("<> k=2")
}

// Where the answer of the store is lost, the message is shown: it is in nobody
// else's page.
func TestFlashSurvivesALostAnswer(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(addNotice(t, "a"))
	lost := 0
	p.tap.put(func(_ context.Context, op string, do func() error) error {
		err := do()
		if op == "save" && lost < 2 {
			lost++
			return errors.New("the answer is lost")
		}
		return err
	})
	if got := c.takes(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the page shows %q", got)
	}
	p.tap.put(nil)
	if got := c.takes(); got != nil {
		t.Errorf("the next page shows %q", got)
	}
}

func TestFlashThatCannotBeTakenStays(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(addNotice(t, "a"))
	p.tap.fail("save", errors.New("down"))
	c.visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if got, err := notices.Take(r.Context(), s); got != nil || err == nil {
			t.Errorf("%v, %v", got, err)
		}
		s.Discard()
	})
	p.tap.put(nil)
	if got := c.takes(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the page shows %q", got)
	}
}

func TestFlashIsBounded(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for i := range 150 {
			must(t, notices.Add(s, notice{Text: fmt.Sprint(i)}))
		}
	})
	if got := c.takes(); len(got) != 100 || got[0] != "50" || got[99] != "149" {
		t.Errorf("%d messages: %q", len(got), got)
	}
}

// A changed type loses messages, and locks nobody out.
func TestFlashOfAnotherTypeGivesWay(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(set(t, "notices", 1))
	if got := c.takes(); got != nil {
		t.Errorf("the page shows %q", got)
	}
	c.wants(anonymous)
	c.must(set(t, "notices", "x")).must(addNotice(t, "a"))
	if got := c.takes(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the page shows %q", got)
	}
}

func TestFlashWithoutASession(t *testing.T) {
	if err := notices.Add(nil, notice{}); err != session.ErrNoSession {
		t.Errorf("Add: %v", err)
	}
	if got, err := notices.Take(t.Context(), nil); got != nil || err != nil {
		t.Errorf("Take: %v, %v", got, err)
	}
}

// fails has a page do something, and answer 500.
func fails(f func(r *http.Request, s *session.Session)) act {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		f(r, s)
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// A page that fails has shown its messages, perhaps, and keeps nothing else.
func TestFlashOfAPageThatFailsIsTakenAlone(t *testing.T) {
	for name, pending := range map[string]struct {
		change func(s *session.Session) error
		late   bool // after the messages, which it would take away
	}{
		"a value":            {func(s *session.Session) error { return s.Set("k", 2) }, false},
		"a step-up":          {func(s *session.Session) error { return s.Reauthenticate(1) }, false},
		"a lifetime":         {func(s *session.Session) error { return s.SetLifetime(session.Lifetime{}) }, false},
		"another's sign-in":  {func(s *session.Session) error { return s.Login("another") }, true},
		"nothing to be left": {(*session.Session).Clear, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, session.Config{})
			c := p.client().must(login(t, "u")).must(set(t, "k", 1)).must(addNotice(t, "a"))
			token := c.token()
			c.visit(fails(func(r *http.Request, s *session.Session) {
				if !pending.late {
					must(t, pending.change(s))
				}
				if got, err := notices.Take(r.Context(), s); len(got) != 1 || err != nil {
					t.Errorf("the page shows %v, %v", got, err)
				}
				if pending.late {
					must(t, pending.change(s))
				}
			}))
			if c.token() != token {
				t.Error("the failed page has replaced the token")
			}
			if got := c.takes(); got != nil {
				t.Errorf("the next page shows %q again", got)
			}
			c.wants("<u> k=1")
		})
	}
}

// What a page has pending when it takes its messages is kept if it succeeds.
func TestFlashLeavesWhatIsPending(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u")).must(addNotice(t, "a"))
	other := &client{p, c.jar, c.url}
	c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Set("k", 1))
		must(t, notices.Add(s, notice{Text: "b"}))
		p.tap.took()
		got, err := notices.Take(r.Context(), s)
		if len(got) != 2 || got[0].Text != "a" || got[1].Text != "b" || err != nil {
			t.Errorf("the page shows %v, %v", got, err)
		}
		if calls := p.tap.took(); !slices.Equal(calls, []string{"save"}) {
			t.Errorf("to take costs %v", calls)
		}
		other.wants("<u>") // nothing else is stored yet
		must(t, notices.Add(s, notice{Text: "c"}))
	})
	if got := c.takes(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("the next page shows %q", got)
	}
	c.wants("<u> k=1")
}

func TestFlashOfAnEndedSessionIsNotTaken(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u")).must(addNotice(t, "a"))
	other := &client{p, c.jar, c.url}
	c.visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		other.must(renew(t))
		if got, err := notices.Take(r.Context(), s); got != nil || !errors.Is(err, session.ErrEnded) {
			t.Errorf("after a renewal elsewhere: %v, %v", got, err)
		}
		if s.Subject() != "" {
			t.Errorf("the session still reads as %q's", s.Subject())
		}
	})
	if got := other.takes(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the next page shows %q", got)
	}
}

// To take one's own messages as well is no reason to lose those of others.
func TestFlashTakenBesideAnOwnMessageLosesNoOther(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(addNotice(t, "stored"))
	c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Set("page", 1), notices.Add(s, notice{"info", "own"}))
		got, err := notices.Take(r.Context(), s)
		must(t, err)
		if want := []notice{{"info", "stored"}, {"info", "own"}}; !slices.Equal(got, want) {
			t.Errorf("the page shows %v, want %v", got, want)
		}
		c.must(addNotice(t, "another's"))
	})
	if got := c.takes(); !slices.Equal(got, []string{"another's"}) {
		t.Errorf("the next page shows %q", got)
	}
	c.wants("<> page=1")
}

// A message that a Save without an answer may have stored is left to the next page.
func TestFlashThatMayBeStoredIsNotTaken(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(set(t, "k", 1))
	res := c.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, notices.Add(s, notice{Text: "a"}))
		p.tap.put(unanswered)
		want := s.Save(r.Context())
		if !errors.Is(want, errDown) {
			t.Errorf("Save: %v", want)
		}
		p.tap.put(nil)
		if got, err := notices.Take(r.Context(), s); err != want || got != nil {
			t.Errorf("taken are %v, %v", got, err)
		}
	})
	if got := c.takes(); res.StatusCode != http.StatusServiceUnavailable || !slices.Equal(got, []string{"a"}) {
		t.Errorf("status %d, and the next page shows %q", res.StatusCode, got)
	}
}

// What others add while a page is made is theirs to keep.
func TestFlashThatIsAddedAfterATakeStays(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	other := &client{p, c.jar, c.url}
	c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, notices.Add(s, notice{Text: "a"}))
		got, err := notices.Take(r.Context(), s)
		if len(got) != 1 || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		other.must(addNotice(t, "b"))
		must(t, s.Set("k", 1))
	})
	if got := c.takes(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("the next page shows %q", got)
	}
}

// Take gives what the session shows: not what its request has cleared before.
func TestFlashThatWasClearedIsNotTaken(t *testing.T) {
	for name, hide := range map[string]func(s *session.Session) error{
		"Clear":  func(s *session.Session) error { return s.Clear() },
		"Delete": func(s *session.Session) error { return s.Delete(notices.Name()) },
		"Pop":    func(s *session.Session) error { s.Pop(notices.Name()); return nil },
	} {
		p := newProbe(t, session.Config{})
		c := p.client().must(addNotice(t, "a"))
		c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			must(t, hide(s))
			must(t, notices.Add(s, notice{Text: "b"}))
			got, err := notices.Take(r.Context(), s)
			if len(got) != 1 || got[0].Text != "b" || err != nil {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		})
		c.wants(anonymous)
	}
}
