package flash_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/flash"
	"github.com/b4468f51/session/internal/probe"
)

var errDown = errors.New("the store is down")

// unanswered has every operation of a store fail, and a Save succeed all the same.
func unanswered(_ context.Context, op string, do func() error) error {
	if op == "save" {
		return errors.Join(do(), errDown)
	}
	return errDown
}

type notice struct {
	Kind, Text string
}

var notices = flash.New[notice]("notices")

func addNotice(t testing.TB, text string) probe.Act {
	return probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return notices.Add(s, notice{"info", text}) })
}

// takes has a page take the messages, and returns their texts.
func takes(c *probe.Client) []string {
	c.P.T.Helper()
	var texts []string
	c.Must(probe.Succeed(c.P.T, func(r *http.Request, s *session.Session) error {
		got, err := notices.Take(r, s)
		for _, n := range got {
			texts = append(texts, n.Text)
		}
		return err
	}))
	return texts
}

func TestFlashIsShownOnce(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	if got := takes(c); got != nil || len(p.Tap.Took()) > 0 || c.Token() != "" {
		t.Errorf("of nothing a page takes %q", got)
	}
	c.Must(addNotice(t, "a")).Must(addNotice(t, "b")).Must(probe.Login(t, "u"))
	if got := takes(c); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the page shows %q", got)
	}
	p.Tap.Took()
	if got := takes(c); got != nil {
		t.Errorf("the next page shows %q", got)
	}
	if calls := p.Tap.Took(); !slices.Equal(calls, []string{"load"}) {
		t.Errorf("a page without messages costs %v", calls)
	}
	c.Wants("<u>")
}

func TestFlashInTheSameRequest(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, notices.Add(s, notice{Text: "a"}))
		got, err := notices.Take(r, s)
		if len(got) != 1 || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		probe.Must(t, notices.Add(s, notice{Text: "b"}))
		probe.Must(t, s.Set("k", 1))
	})
	if got := takes(c); !slices.Equal(got, []string{"b"}) {
		t.Errorf("the next page shows %q", got)
	}
	c.Wants("<> k=1")
}

// Whatever is added and taken at once, every message is shown exactly once.
func TestFlashIsNeitherLostNorShownTwice(t *testing.T) {
	tap := probe.NewTap()
	machines := []*probe.Probe{probe.Over(t, tap, session.Config{}), probe.Over(t, tap, session.Config{})}
	c := machines[0].Client().Must(probe.Login(t, "u"))
	on := func(i int) *probe.Client { return c.On(machines[i%2]) }
	const n = 60
	var mu sync.Mutex
	var shown []string
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { on(i).Must(addNotice(t, fmt.Sprintf("%02d", i))) })
		wg.Go(func() {
			got := takes(on(i + i/2))
			mu.Lock()
			defer mu.Unlock()
			shown = append(shown, got...)
		})
	}
	wg.Wait()
	shown = append(shown, takes(c)...)
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
	p := probe.New(t, session.Config{})
	c := p.Client().Must(addNotice(t, "a"))
	other := c.On(p)
	var got []notice
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("k", 1))
		other.Must(addNotice(t, "b"))
		var err error
		got, err = notices.Take(r, s)
		probe.Must(t, err)
	})
	if len(got) != 2 || got[0].Text != "a" || got[1].Text != "b" {
		t.Errorf("the page shows %v", got)
	}
	c.Wants("<> k=1")

	c.Must(addNotice(t, "c"))
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("k", 2))
		if texts := takes(other); len(texts) != 1 {
			t.Errorf("the other page shows %q", texts)
		}
		got, err := notices.Take(r, s)
		if len(got) != 0 || err != nil {
			t.Errorf("what another page has shown is taken again: %v, %v", got, err)
		}
	})
	c.Wants("<> k=2")
}

// Where the answer of the store is lost, the message is shown: it is in nobody
// else's page.
func TestFlashSurvivesALostAnswer(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(addNotice(t, "a"))
	lost := 0
	p.Tap.Put(func(_ context.Context, op string, do func() error) error {
		err := do()
		if op == "save" && lost < 2 {
			lost++
			return errors.New("the answer is lost")
		}
		return err
	})
	if got := takes(c); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the page shows %q", got)
	}
	p.Tap.Put(nil)
	if got := takes(c); got != nil {
		t.Errorf("the next page shows %q", got)
	}
}

func TestFlashThatCannotBeTakenStays(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(addNotice(t, "a"))
	p.Tap.Fail("save", errors.New("down"))
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if got, err := notices.Take(r, s); got != nil || err == nil {
			t.Errorf("%v, %v", got, err)
		}
		s.Discard()
	})
	p.Tap.Put(nil)
	if got := takes(c); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the page shows %q", got)
	}
}

func TestFlashIsBounded(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for i := range 150 {
			probe.Must(t, notices.Add(s, notice{Text: fmt.Sprint(i)}))
		}
	})
	if got := takes(c); len(got) != 100 || got[0] != "50" || got[99] != "149" {
		t.Errorf("%d messages: %q", len(got), got)
	}
}

// A changed type loses messages, and locks nobody out.
func TestFlashOfAnotherTypeGivesWay(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "notices", 1))
	if got := takes(c); got != nil {
		t.Errorf("the page shows %q", got)
	}
	c.Wants(probe.Anonymous)
	c.Must(probe.Set(t, "notices", "x")).Must(addNotice(t, "a"))
	if got := takes(c); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the page shows %q", got)
	}
}

func TestFlashWithoutASession(t *testing.T) {
	if err := notices.Add(nil, notice{}); err != session.ErrNoSession {
		t.Errorf("Add: %v", err)
	}
	if got, err := notices.Take(httptest.NewRequest("GET", "/", nil), nil); got != nil || err != nil {
		t.Errorf("Take: %v, %v", got, err)
	}
}

// fails has a page do something, and answer 500.
func fails(f func(r *http.Request, s *session.Session)) probe.Act {
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
			p := probe.New(t, session.Config{})
			c := p.Client().Must(probe.Login(t, "u")).Must(probe.Set(t, "k", 1)).Must(addNotice(t, "a"))
			token := c.Token()
			c.Visit(fails(func(r *http.Request, s *session.Session) {
				if !pending.late {
					probe.Must(t, pending.change(s))
				}
				if got, err := notices.Take(r, s); len(got) != 1 || err != nil {
					t.Errorf("the page shows %v, %v", got, err)
				}
				if pending.late {
					probe.Must(t, pending.change(s))
				}
			}))
			if c.Token() != token {
				t.Error("the failed page has replaced the token")
			}
			if got := takes(c); got != nil {
				t.Errorf("the next page shows %q again", got)
			}
			c.Wants("<u> k=1")
		})
	}
}

// What a page has pending when it takes its messages is kept if it succeeds.
func TestFlashLeavesWhatIsPending(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u")).Must(addNotice(t, "a"))
	other := c.On(p)
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("k", 1))
		probe.Must(t, notices.Add(s, notice{Text: "b"}))
		p.Tap.Took()
		got, err := notices.Take(r, s)
		if len(got) != 2 || got[0].Text != "a" || got[1].Text != "b" || err != nil {
			t.Errorf("the page shows %v, %v", got, err)
		}
		if calls := p.Tap.Took(); !slices.Equal(calls, []string{"save"}) {
			t.Errorf("to take costs %v", calls)
		}
		other.Wants("<u>") // nothing else is stored yet
		probe.Must(t, notices.Add(s, notice{Text: "c"}))
	})
	if got := takes(c); !slices.Equal(got, []string{"c"}) {
		t.Errorf("the next page shows %q", got)
	}
	c.Wants("<u> k=1")
}

func TestFlashOfAnEndedSessionIsNotTaken(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u")).Must(addNotice(t, "a"))
	other := c.On(p)
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		other.Must(probe.Renew(t))
		if got, err := notices.Take(r, s); got != nil || !errors.Is(err, session.ErrEnded) {
			t.Errorf("after a renewal elsewhere: %v, %v", got, err)
		}
		if s.Subject() != "" {
			t.Errorf("the session still reads as %q's", s.Subject())
		}
	})
	if got := takes(other); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the next page shows %q", got)
	}
}

// To take one's own messages as well is no reason to lose those of others.
func TestFlashTakenBesideAnOwnMessageLosesNoOther(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(addNotice(t, "stored"))
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("page", 1), notices.Add(s, notice{"info", "own"}))
		got, err := notices.Take(r, s)
		probe.Must(t, err)
		if want := []notice{{"info", "stored"}, {"info", "own"}}; !slices.Equal(got, want) {
			t.Errorf("the page shows %v, want %v", got, want)
		}
		c.Must(addNotice(t, "another's"))
	})
	if got := takes(c); !slices.Equal(got, []string{"another's"}) {
		t.Errorf("the next page shows %q", got)
	}
	c.Wants("<> page=1")
}

// A message that a Save without an answer may have stored is left to the next page.
func TestFlashThatMayBeStoredIsNotTaken(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "k", 1))
	res := c.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, notices.Add(s, notice{Text: "a"}))
		p.Tap.Put(unanswered)
		want := s.Save(r.Context())
		if !errors.Is(want, errDown) {
			t.Errorf("Save: %v", want)
		}
		p.Tap.Put(nil)
		if got, err := notices.Take(r, s); err != want || got != nil {
			t.Errorf("taken are %v, %v", got, err)
		}
	})
	if got := takes(c); res.StatusCode != http.StatusServiceUnavailable || !slices.Equal(got, []string{"a"}) {
		t.Errorf("status %d, and the next page shows %q", res.StatusCode, got)
	}
}

// What others add while a page is made is theirs to keep.
func TestFlashThatIsAddedAfterATakeStays(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	other := c.On(p)
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, notices.Add(s, notice{Text: "a"}))
		got, err := notices.Take(r, s)
		if len(got) != 1 || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		other.Must(addNotice(t, "b"))
		probe.Must(t, s.Set("k", 1))
	})
	if got := takes(c); !slices.Equal(got, []string{"b"}) {
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
		p := probe.New(t, session.Config{})
		c := p.Client().Must(addNotice(t, "a"))
		c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Must(t, hide(s))
			probe.Must(t, notices.Add(s, notice{Text: "b"}))
			got, err := notices.Take(r, s)
			if len(got) != 1 || got[0].Text != "b" || err != nil {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		})
		c.Wants(probe.Anonymous)
	}
}

// A page that nobody may look at leaves the messages for the one that is shown.
func TestAPrefetchTakesNoFlash(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(addNotice(t, "a"))
	for name, edit := range map[string]func(*http.Request){
		"prefetch":       func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch") },
		"prerender":      func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch;prerender") },
		"with a proxy":   func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch; probe.Anonymous-client-ip") },
		"an old browser": func(r *http.Request) { r.Header.Set("Purpose", "prefetch") },
		"HEAD":           func(r *http.Request) { r.Method = http.MethodHead },
	} {
		p.Tap.Took()
		c.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if got, err := notices.Take(r, s); got != nil || err != nil {
				t.Errorf("%s takes %v, %v", name, got, err)
			}
		}, edit)
		if calls := p.Tap.Took(); len(calls) != 1 {
			t.Errorf("%s costs %v", name, calls)
		}
	}
	if got := takes(c); len(got) != 1 {
		t.Errorf("the page shows %q", got)
	}
}

// Whoever adds a message learns that it will not be shown.
func TestAMessageThatCannotBeKeptIsRefused(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	var kept *session.Session
	c.Visit(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		kept = s
		probe.Must(t, p.M.Revoke(t.Context(), s.ID()))
		if err := s.Touch(t.Context()); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Touch: %v", err)
		}
		if err := notices.Add(s, notice{Text: "a"}); !errors.Is(err, session.ErrEnded) {
			t.Errorf("after a revocation: %v", err)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	if err := notices.Add(kept, notice{Text: "a"}); !errors.Is(err, session.ErrDone) {
		t.Errorf("after the handler: %v", err)
	}
	if calls := p.Tap.Took(); slices.Contains(calls, "save") {
		t.Errorf("the store was asked to %v", calls)
	}
}

// Nothing is added to a write of which nobody knows whether it happened.
func TestAMessageAfterAWriteInDoubtIsRefused(t *testing.T) {
	p := probe.New(t, session.Config{})
	p.Client().Must(probe.Set(t, "k", 1)).Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("k", 2))
		p.Tap.Put(unanswered)
		err := s.Save(r.Context())
		p.Tap.Put(nil)
		if got := notices.Add(s, notice{Text: "saved"}); !errors.Is(err, errDown) || got != err {
			t.Errorf("Add returns %v, and Save %v", got, err)
		}
	})
}

func TestAMessageThatCannotBeEncodedIsTold(t *testing.T) {
	p := probe.New(t, session.Config{})
	channels := flash.New[chan int]("f")
	p.Client().Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := channels.Add(s, nil); err == nil {
			t.Error("a channel is taken")
		}
	})
	if events := p.Saw(); len(events) != 1 || events[0].Kind != session.EventUnsaved || events[0].Key != "f" || events[0].Err == nil {
		t.Errorf("the events are %+v", events)
	}
}

func TestAValueThatIsNoMessagesIsReported(t *testing.T) {
	for name, use := range map[string]func(*http.Request, *session.Session) error{
		"Add": func(_ *http.Request, s *session.Session) error {
			return errors.Join(notices.Add(s, notice{Text: "a"}), notices.Add(s, notice{Text: "b"}))
		},
		"Take": func(r *http.Request, s *session.Session) error {
			got, err := notices.Take(r, s)
			if len(got) > 0 {
				return fmt.Errorf("%v", got)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			c := p.Client().Must(probe.Set(t, notices.Name(), "three"))
			p.Saw()
			c.Must(probe.Succeed(t, use))
			if got := p.Heard(); got != "undecodable value" {
				t.Errorf("the events are %q", got)
			}
		})
	}
}

// Run with the race detector.
func TestMessagesAreUsedByManyGoroutines(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { probe.Must(t, notices.Add(s, notice{Text: "hello"})) })
			wg.Go(func() {
				got, err := notices.Take(r, s)
				for _, n := range got {
					if n.Text != "hello" {
						t.Errorf("Take returns %q", n.Text)
					}
				}
				probe.Must(t, err)
			})
			wg.Go(func() { probe.Must(t, s.Save(r.Context())) })
		}
		wg.Wait()
	})
}
