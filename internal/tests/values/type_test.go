package values

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// A notice is a value that goes through the codec.
type notice struct {
	Kind, Text string
}

// deployed returns two probes over one store: an application, and the same after
// a deploy.
func deployed(t *testing.T, cfg session.Config) (before, after *probe.Probe) {
	tap := probe.NewTap()
	return probe.Over(t, tap, cfg), probe.Over(t, tap, cfg)
}

var visitCount = session.NewKey[int]("visits")

// visitsPage is the handler of README.md.
func visitsPage(w http.ResponseWriter, _ *http.Request, s *session.Session) {
	if err := visitCount.Update(s, func(n int) (int, error) { return n + 1, nil }); err != nil {
		http.Error(w, "try again", session.ErrorStatus(err))
		return
	}
	n, _ := visitCount.Get(s)
	fmt.Fprint(w, "visit ", n)
}

func TestADeployThatChangesATypeLocksNobodyOut(t *testing.T) {
	for name, old := range map[string]any{
		"text": "three", "a fraction": 2.5, "too large": uint64(1 << 63), "bytes": []byte{3}, "a struct": notice{"a", "b"}, "a list": []int{1},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := deployed(t, session.Config{})
			c := before.Client().Must(probe.Login(t, "u")).Must(probe.Set(t, "visits", old)).On(after)
			for i := 1; i <= 3; i++ {
				if res := c.Visit(visitsPage); res.StatusCode != 200 || probe.Text(t, res) != fmt.Sprint("visit ", i) {
					t.Fatalf("visit %d is answered with %d", i, res.StatusCode)
				}
			}
			events := after.Saw()
			if len(events) != 1 || events[0].Kind != session.EventUndecodable || events[0].Key != "visits" ||
				events[0].Subject != "u" || !errors.Is(events[0].Err, session.ErrUndecodable) {
				t.Errorf("the events are %+v, want the one value that does not decode", events)
			}
		})
	}
}

// One rule for everything that reads.
func TestAnUndecodableValueIsAbsentAndReportedOnceARequest(t *testing.T) {
	list := session.NewKey[[]int]("visits")
	add := func(s *session.Session, n int) error {
		return list.Update(s, func(old []int) ([]int, error) { return append(old, n), nil })
	}
	text := session.NewKey[string]("visits")
	for name, read := range map[string]func(r *http.Request, s *session.Session) error{
		"Get": func(_ *http.Request, s *session.Session) error {
			if n, ok := visitCount.Get(s); n != 0 || ok {
				return fmt.Errorf("%d, %v", n, ok)
			}
			return nil
		},
		"Pop": func(_ *http.Request, s *session.Session) error {
			if n, ok := visitCount.Pop(s); n != 0 || ok {
				return fmt.Errorf("%d, %v", n, ok)
			}
			return nil
		},
		"Update that fails": func(_ *http.Request, s *session.Session) error {
			stop := errors.New("stop")
			err := visitCount.Update(s, func(n int) (int, error) {
				if n != 0 {
					t.Errorf("Update begins with %d", n)
				}
				return 0, stop
			})
			if err != stop {
				return fmt.Errorf("Update: %v", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			c := p.Client().Must(probe.Set(t, "visits", "three"))
			p.Saw()
			p.Tap.Took()
			c.Must(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
				return errors.Join(read(r, s), read(r, s), read(r, s))
			}))
			if got := p.Heard(); got != "undecodable value" {
				t.Errorf("the events of one request are %q", got)
			}
			if got := fmt.Sprint(p.Tap.Took()); got != "[load]" {
				t.Errorf("the store is asked for %v", got)
			}
			c.Must(probe.Succeed(t, read))
			if got := p.Heard(); got != "undecodable value" {
				t.Errorf("the events of the next request are %q", got)
			}
			// What it was set with, it still is: a deploy can be taken back.
			c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
				if v, ok := text.Get(s); v != "three" || !ok {
					return fmt.Errorf("%q, %v", v, ok)
				}
				return nil
			}))
		})
	}
	for name, change := range map[string]func(r *http.Request, s *session.Session) error{
		"Update of a list": func(_ *http.Request, s *session.Session) error { return errors.Join(add(s, 1), add(s, 2)) },
		"Take": func(r *http.Request, s *session.Session) error {
			got, ok, err := list.Take(r.Context(), s)
			if len(got) > 0 || ok {
				return fmt.Errorf("%v", got)
			}
			return err
		},
		"Update": func(_ *http.Request, s *session.Session) error { return increment2(s) },
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			c := p.Client().Must(probe.Set(t, "visits", "three"))
			p.Saw()
			c.Must(probe.Succeed(t, change))
			if got := p.Heard(); got != "undecodable value" {
				t.Errorf("the events are %q", got)
			}
		})
	}
}

func increment2(s *session.Session) error {
	f := func(n int) (int, error) { return n + 1, nil }
	return errors.Join(visitCount.Update(s, f), visitCount.Update(s, f))
}

func TestEachUndecodableKeyIsReported(t *testing.T) {
	p := probe.New(t, session.Config{})
	other := session.NewKey[int]("other")
	c := p.Client().Must(probe.Set(t, "visits", "three")).Must(probe.Set(t, "other", "four"))
	p.Saw()
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for range 3 {
			visitCount.Get(s)
			other.Get(s)
		}
	})
	keys := map[string]bool{}
	for _, e := range p.Saw() {
		if keys[e.Key] {
			t.Errorf("%s is reported twice", e.Key)
		}
		keys[e.Key] = true
	}
	if len(keys) != 2 {
		t.Errorf("reported are %v", keys)
	}
}

// A merge may meet another type than the request did: it goes on all the same.
func TestAnUpdateThatMeetsAnotherTypeInAMergeStartsFromZero(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "visits", 7))
	c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
		err := visitCount.Update(s, func(n int) (int, error) { return n + 1, nil })
		c.On(p).Must(probe.Set(t, "visits", "seven"))
		return err
	}))
	c.Wants("<> visits=1")
	if got := p.Heard(); got != "created, undecodable value" {
		t.Errorf("the events are %q", got)
	}
}

func TestCheckTellsAnUndecodableValueFromNone(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "text", "three")).Must(probe.Set(t, "struct", notice{"a", "b"})).Must(probe.Set(t, "n", 3))
	p.Saw()
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for key, undecodable := range map[string]bool{"text": true, "struct": true, "n": false, "none": false} {
			if err := session.NewKey[int](key).Check(s); errors.Is(err, session.ErrUndecodable) != undecodable || err != nil != undecodable {
				t.Errorf("%s: %v", key, err)
			}
		}
		if err := session.NewKey[[]int]("struct").Check(s); !errors.As(err, new(*json.UnmarshalTypeError)) {
			t.Errorf("the codec's error is not in %v", err)
		}
		if err := probe.Counter.Check(nil); err != nil {
			t.Errorf("without a session: %v", err)
		}
	})
	if got := p.Heard(); got != "" {
		t.Errorf("the events are %q", got)
	}
}

// What is stored may be another service's token: it is nothing for logs.
func TestAValueThatDoesNotDecodeIsNotCited(t *testing.T) {
	p := probe.New(t, session.Config{})
	type before struct{ At string }
	type after struct{ At time.Time }
	c := p.Client().Must(probe.Set(t, "k", before{"correct horse"}))
	p.Saw()
	key := session.NewKey[after]("k")
	var err error
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		key.Get(s)
		err = key.Check(s)
	})
	var parsing *time.ParseError
	if !errors.Is(err, session.ErrUndecodable) || !errors.As(err, &parsing) {
		t.Errorf("the error is %v", err)
	}
	events := p.Saw()
	if len(events) != 1 || strings.Contains(events[0].Err.Error(), "horse") || !strings.Contains(events[0].Err.Error(), `key "k"`) {
		t.Errorf("the events are %v", events)
	}
}
