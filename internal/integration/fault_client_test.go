package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/b4468f51/session/store"
)

// A life is one session of a client, from its sign-in on, with all that the
// client was told of it.
type life struct {
	owner string
	id    store.ID
	token string

	acked, maybe int    // increments that were acknowledged, and that may have happened
	set, tried   [2]int // by each worker: the last number that was acknowledged, and that was sent

	left       bool     // a sign-out was acknowledged
	mayHave    bool     // a sign-out or a renewal was not, so the token may be dead
	mayBeGone  bool     // a sign-out was not, so the record may be gone
	deadTokens []string // that an acknowledged sign-out or renewal has killed
}

// A faultClient is a browser with two tabs. It does one thing after the other,
// and most of them in both tabs at once, each by way of another process of the
// application.
type faultClient struct {
	load  *load
	name  string
	http  *http.Client
	lives []*life
	now   *life // nil while signed out
	n     int   // numbers what is sent

	acks, failures atomic.Int64 // steps
}

// step does the next thing, and tells whether it was acknowledged.
func (c *faultClient) step(i int) bool {
	switch {
	case c.now == nil:
		return c.enter()
	case i%17 == 16:
		return c.end("/leave")
	case i%7 == 6:
		return c.end("/renew")
	default:
		return c.work()
	}
}

// enter signs in.
func (c *faultClient) enter() bool {
	a := c.post(0, "/enter?owner="+c.name, "")
	if a.outcome() != acked {
		return false
	}
	l := &life{owner: c.name, token: a.token, id: idOf(c.load.t, a.token)}
	c.lives, c.now = append(c.lives, l), l
	return true
}

// work changes the session in both tabs at once.
func (c *faultClient) work() bool {
	l := c.now
	c.n++
	var tabs [2]faultAnswer
	var wg sync.WaitGroup
	for i := range tabs {
		wg.Go(func() { tabs[i] = c.post(i, c.workPath(i), l.token) })
	}
	wg.Wait()
	ok := true
	for i, a := range tabs {
		ok = c.worked(l, i, a, false) && ok
	}
	return ok
}

func (c *faultClient) workPath(worker int) string {
	return fmt.Sprintf("/work?worker=%d&n=%d", worker, c.n)
}

// worked writes down what became of a change. That the session was found to
// have ended is an answer only where it may have.
func (c *faultClient) worked(l *life, worker int, a faultAnswer, mayEnd bool) bool {
	l.tried[worker] = c.n
	switch a.outcome() {
	case acked:
		l.acked++
		l.set[worker] = c.n
		if a.body != l.owner {
			c.load.foreign("%s was shown the session of %q", l.owner, a.body)
		}
		return true
	case refused:
		if !l.mayHave && !mayEnd {
			c.load.signedOut("%s was refused with %d, but is signed in", l.owner, a.status)
		}
		if c.now == l && !mayEnd {
			c.now = nil
		}
	default:
		l.maybe++
	}
	return false
}

// end signs out or renews the token, while the other tab has the session
// loaded already and is about to change it.
func (c *faultClient) end(path string) bool {
	l := c.now
	c.n++
	late := c.beginLate(l)
	a := c.post(0, path, l.token)
	outcome := a.outcome()
	if outcome == failed {
		l.mayHave = true
		l.mayBeGone = l.mayBeGone || path == "/leave"
	}
	if late != nil {
		changed := late()
		if outcome == acked && changed.outcome() == acked {
			c.load.resurrected("%s: a change was acknowledged after %s", l.owner, path)
		}
		defer c.worked(l, 1, changed, true) // it was not in what the other tab saw
	}
	switch {
	case outcome == acked && path == "/leave":
		l.left, c.now = true, nil
		if n, err := strconv.Atoi(a.body); err == nil {
			c.load.counted(l, n)
		}
		l.deadTokens = append(l.deadTokens, l.token)
	case outcome == acked:
		l.deadTokens = append(l.deadTokens, l.token)
		l.token = a.token
	case outcome == refused:
		if !l.mayHave {
			c.load.signedOut("%s was refused %s with %d, but is signed in", l.owner, path, a.status)
		}
		c.now = nil
	}
	return outcome == acked
}

// beginLate begins a change, and returns once the session is loaded, with a
// function that has it go on and returns the answer. It returns nil where the
// load fails, and where the application runs in another process.
func (c *faultClient) beginLate(l *life) func() faultAnswer {
	app := c.load.apps[1]
	if app == nil {
		return nil
	}
	name := fmt.Sprintf("%s-%d", c.name, c.n)
	h := &hold{make(chan struct{}), make(chan struct{})}
	app.holds.Store(name, h)
	answered := make(chan faultAnswer, 1)
	go func() { answered <- c.post(1, c.workPath(1)+"&hold="+name, l.token) }()
	select {
	case <-h.loaded:
		return func() faultAnswer {
			close(h.release)
			app.holds.Delete(name)
			return <-answered
		}
	case <-answered: // nothing was changed
		return nil
	}
}

// A faultAnswer is what came of a request.
type faultAnswer struct {
	status int
	body   string
	token  string // that it sets
}

type outcome int

const (
	failed  outcome = iota // nobody knows
	acked                  // done
	refused                // not done: the session is not there, or not any more
)

func (a faultAnswer) outcome() outcome {
	switch {
	case a.status >= 200 && a.status < 300:
		return acked
	case a.status == http.StatusUnauthorized || a.status == http.StatusConflict:
		return refused
	default:
		return failed
	}
}

// post makes a request of a process of the application, and checks what holds
// for every answer.
func (c *faultClient) post(app int, path, token string) faultAnswer {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.load.url(app)+path, nil)
	if err != nil {
		c.load.problem("%v", err)
		return faultAnswer{}
	}
	if token != "" {
		req.Header.Set("Cookie", "id="+token)
	}
	c.load.requests.Add(1)
	res, err := c.http.Do(req)
	if err != nil {
		c.load.noAnswer(err)
		return faultAnswer{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.load.noAnswer(err)
		return faultAnswer{}
	}
	a := faultAnswer{status: res.StatusCode, body: string(body)}
	for _, ck := range res.Cookies() {
		a.token = ck.Value
	}
	switch set := len(res.Header["Set-Cookie"]); {
	case a.outcome() != acked && set != 0:
		c.load.problem("%s: status %d with Set-Cookie", path, a.status)
	case a.outcome() == failed && a.status < 500:
		c.load.problem("%s: status %d", path, a.status)
	case set > 1:
		c.load.problem("%s: %d cookies", path, set)
	case a.outcome() == failed:
		c.load.errors.Add(1)
	}
	return a
}
