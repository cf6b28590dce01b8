package integration

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
)

var number = session.NewKey[int]("n")

func plusOne(n int) (int, error) { return n + 1, nil }

func noLostUpdate(t *testing.T, e *env) {
	e.rule("four machines count together", countTogether)
	for _, where := range []string{"one machine", "two machines"} {
		pair := func(check func(t *testing.T, e *env, m, other *machine, c *client)) func(*testing.T, *env) {
			return func(t *testing.T, e *env) {
				m := e.newMachine(session.Config{})
				other := m
				if where == "two machines" {
					other = e.newMachine(session.Config{})
				}
				c, _ := e.signedIn(m, "u")
				check(t, e, m, other, c)
			}
		}
		e.rule("different keys of overlapping requests, "+where, pair(differentKeys))
		e.rule("the last commit of one key wins, "+where, pair(lastCommitWins))
		e.rule("updates compose, "+where, pair(updatesCompose))
		e.rule("a value that is popped twice is given once, "+where, pair(popOnce))
		e.rule("clear removes what is set meanwhile, "+where, pair(clearAll))
		e.rule("an error of update at the merge fails the commit, "+where, pair(updateFailsAtMerge))
	}
	e.rule("a flash goes to one of many", flashToOne)
	e.rule("update starts from zero on what it cannot decode", updateUndecodable)
}

func countTogether(t *testing.T, e *env) {
	const machines, goroutines = 4, 64
	var all []*machine
	for i := range machines {
		m := e.newMachine(session.Config{CommitTimeout: 30 * time.Second, LoadTimeout: time.Minute})
		m.handle("/add", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			key := fmt.Sprint("own-", i, "-", r.URL.RawQuery)
			if err := errors.Join(number.Update(s, plusOne), s.Set(key, r.URL.RawQuery)); err != nil {
				t.Error(err)
			}
		})
		all = append(all, m)
	}
	c, _ := e.signedIn(all[0], "u")
	var wg sync.WaitGroup
	for _, m := range all {
		for j := range goroutines {
			wg.Go(func() { c.get(m, "/add?"+strconv.Itoa(j)).want("add", http.StatusOK, "") })
		}
	}
	wg.Wait()
	all[3].handle("/check", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		n, _ := number.Get(s)
		equal(t, "the count", n, machines*goroutines)
		keys := 0
		for key := range s.Keys() {
			keys++
			var i, j int
			if _, err := fmt.Sscanf(key, "own-%d-%d", &i, &j); err == nil && s.Get(key) != strconv.Itoa(j) {
				t.Errorf("%s is %v", key, s.Get(key))
			}
		}
		equal(t, "the number of keys", keys, machines*goroutines+1)
	})
	c.get(all[3], "/check").want("check", http.StatusOK, "")
	for _, m := range all {
		equal(t, "failed commits", m.events.count(session.EventCommitFailed), 0)
	}
}

func differentKeys(_ *testing.T, _ *env, m, other *machine, c *client) {
	c.get(m, "/set?gone=x").want("set", http.StatusOK, "")
	m.handle("/outer", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		// Both have loaded the session before either commits.
		c.get(other, "/set?inner=2").want("the request within", http.StatusOK, "")
		if err := errors.Join(s.Set("outer", "1"), s.Delete("gone")); err != nil {
			c.t.Error(err)
		}
	})
	c.get(m, "/outer").want("the request around", http.StatusOK, "")
	c.get(other, "/read").want("both", http.StatusOK, "u map[inner:2 outer:1]")
}

func lastCommitWins(_ *testing.T, _ *env, m, other *machine, c *client) {
	m.handle("/outer", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("k", "outer"); err != nil { // set first, committed last
			c.t.Error(err)
		}
		c.get(other, "/set?k=inner").want("the request within", http.StatusOK, "")
		c.get(other, "/read").want("while only one has committed", http.StatusOK, "u map[k:inner]")
	})
	c.get(m, "/outer").want("the request around", http.StatusOK, "")
	c.get(other, "/read").want("the last commit", http.StatusOK, "u map[k:outer]")
}

func updatesCompose(_ *testing.T, _ *env, m, other *machine, c *client) {
	add := func(s *session.Session) {
		if err := number.Update(s, plusOne); err != nil {
			c.t.Error(err)
		}
	}
	other.handle("/inner", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { add(s) })
	m.handle("/outer", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		add(s)
		add(s)
		c.get(other, "/inner").want("the request within", http.StatusOK, "")
		add(s)
	})
	c.get(m, "/outer").want("the request around", http.StatusOK, "")
	c.get(other, "/read").want("the sum", http.StatusOK, "u map[n:4]")
}

func popOnce(_ *testing.T, _ *env, m, other *machine, c *client) {
	c.get(m, "/set?flash=hello").want("set", http.StatusOK, "")
	pop := func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprintf(w, "popped %v", s.Pop("flash"))
	}
	other.handle("/inner", pop)
	m.handle("/outer", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		flash := s.Pop("flash")
		c.get(other, "/inner").want("the first", http.StatusOK, "popped hello")
		if err := s.Set("beside", 1); err != nil {
			c.t.Error(err)
		}
		fmt.Fprintf(w, "popped %v", flash)
	})
	c.get(m, "/outer").wantError("the second", http.StatusConflict)
	c.get(other, "/read").want("afterwards", http.StatusOK, "u map[]")
	c.get(other, "/inner").want("a third", http.StatusOK, "popped <nil>")
}

func flashToOne(t *testing.T, e *env) {
	m, other := e.newMachine(session.Config{}), e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	c.get(m, "/set?flash=hello").want("set", http.StatusOK, "")
	const requests = 8
	var loaded, done sync.WaitGroup
	loaded.Add(requests)
	flash := session.NewKey[string]("flash")
	answers := make([]answer, requests)
	for i := range requests {
		m := []*machine{m, other}[i%2]
		path := fmt.Sprint("/pop", i)
		m.handle(path, func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			loaded.Done()
			loaded.Wait()
			text, ok := flash.Pop(s)
			if !ok {
				t.Error("a request that loaded the flash does not see it")
			}
			io.WriteString(w, text)
		})
		done.Go(func() { answers[i] = c.get(m, path) })
	}
	done.Wait()
	shown := 0
	for _, a := range answers {
		if a.status == http.StatusOK {
			a.want("the winner", http.StatusOK, "hello")
			shown++
		} else {
			a.wantError("a loser", http.StatusConflict)
		}
	}
	equal(t, "answers with the flash", shown, 1)
}

func clearAll(_ *testing.T, _ *env, m, other *machine, c *client) {
	c.get(m, "/set?before=1").want("set", http.StatusOK, "")
	m.handle("/outer", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := errors.Join(s.Set("early", "1"), s.Clear(), s.Set("late", "1")); err != nil {
			c.t.Error(err)
		}
		c.get(other, "/set?meanwhile=1").want("the request within", http.StatusOK, "")
	})
	c.get(m, "/outer").want("the request around", http.StatusOK, "")
	c.get(other, "/read").want("afterwards", http.StatusOK, "u map[late:1]")
}

func updateFailsAtMerge(_ *testing.T, _ *env, m, other *machine, c *client) {
	other.handle("/inner", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := number.Set(s, 5); err != nil {
			c.t.Error(err)
		}
	})
	m.handle("/outer", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		err := errors.Join(s.Set("beside", 1), number.Update(s, func(n int) (int, error) {
			if n > 0 {
				return 0, errors.New("sold out")
			}
			return n + 1, nil
		}))
		if err != nil {
			c.t.Error(err)
		}
		c.get(other, "/inner").want("the request within", http.StatusOK, "")
		io.WriteString(w, "bought")
	})
	c.get(m, "/outer").wantError("the request around", http.StatusInternalServerError)
	c.get(other, "/read").want("afterwards", http.StatusOK, "u map[n:5]")
	equal(c.t, "failed commits reported", m.events.count(session.EventCommitFailed), 1)
}

func updateUndecodable(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	c.get(m, "/set?n=seven").want("set", http.StatusOK, "")
	m.handle("/update", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := errors.Join(number.Update(s, plusOne), s.Set("beside", "1")); err != nil {
			t.Error(err)
		}
	})
	c.get(m, "/update").want("update", http.StatusOK, "")
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[beside:1 n:1]")
	equal(t, "reports", m.events.count(session.EventUndecodable), 1)

	// So it does at a merge.
	m.handle("/merge", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := errors.Join(number.Delete(s), s.Save(t.Context()), number.Update(s, plusOne)); err != nil {
			t.Error(err)
		}
		c.get(m, "/set?n=eight").want("the request within", http.StatusOK, "")
	})
	c.get(m, "/merge").want("the merge", http.StatusOK, "")
	c.get(m, "/read").want("at last", http.StatusOK, "u map[beside:1 n:1]")
	equal(t, "reports", m.events.count(session.EventUndecodable), 2)
}
