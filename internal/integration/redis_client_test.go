package integration

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/redisstore"
)

// A client that the application made stays the application's.
func TestRedisOwnClient(t *testing.T) {
	conf, opts, err := redisstore.ParseURL(withPrefix(redisServer(t)))
	if err != nil {
		t.Fatal(err)
	}
	client, err := rueidis.NewClient(conf)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	opts.CacheTTL = time.Second
	s, err := redisstore.New(client, opts)
	if err != nil {
		t.Fatal(err)
	}
	r := newRecord(10)
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Load(t.Context(), r.ID); err != nil || got.Version != r.Version {
		t.Errorf("Load: version %d, %v; want %d", got.Version, err, r.Version)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := s.Load(t.Context(), r.ID); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("Load after Close: %v, want an error that says so", err)
	}
	if err := client.Do(t.Context(), client.B().Ping().Build()).Error(); err != nil {
		t.Errorf("the client after the store was closed: %v", err)
	}
}

// A losing connection loses the next answer, and breaks.
type losing struct {
	net.Conn
	l *loser
}

// A loser has connections lose an answer when it is told to.
type loser struct {
	mu   sync.Mutex
	then func() // what happens before the client learns of it; nil for nothing to lose
}

func (l *loser) lose(then func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.then = then
}

func (c losing) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil || p[0] != ':' && p[0] != '$' {
		return n, err // no answer of a script, but to a greeting or a ping
	}
	c.l.mu.Lock()
	then := c.l.then
	c.l.then = nil
	c.l.mu.Unlock()
	if then == nil {
		return n, nil
	}
	then()
	c.Conn.Close()
	return 0, io.EOF
}

// openLosing opens a store whose connections lose answers.
func openLosing(t *testing.T, u string) (store.Store, *loser) {
	t.Helper()
	conf, opts, err := redisstore.ParseURL(u)
	if err != nil {
		t.Fatal(err)
	}
	l := &loser{}
	conf.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
		c, err := d.DialContext(ctx, "tcp", addr)
		return losing{c, l}, err
	}
	s, err := redisstore.Open(conf, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, l
}

// A write whose answer is lost is tried again, and knows what it wrote; where
// it cannot know, it does not say that nothing happened.
func TestRedisLostAnswer(t *testing.T) {
	_, u := privateRedis(t)
	s, l := openLosing(t, u)
	other := openStore(t, u)
	ctx := t.Context()
	// Scripts are known, and records have no subject: one command is one answer.
	warm := newRecord(1)
	n := warm
	n.Version++
	if err := errors.Join(s.Create(ctx, warm), s.Save(ctx, n, warm.Version), s.Delete(ctx, warm.ID)); err != nil {
		t.Fatal(err)
	}
	r := newRecord(10)
	r.Subject = ""
	next := func() store.Record {
		n := r
		n.Version++
		return n
	}
	lost := 0
	count := func() { lost++ }

	l.lose(count)
	if err := s.Create(ctx, r); err != nil {
		t.Errorf("Create whose answer was lost: %v", err)
	}
	l.lose(count)
	n = next()
	if err := s.Save(ctx, n, r.Version); err != nil {
		t.Errorf("Save whose answer was lost: %v", err)
	}
	r = n
	if got, err := other.Load(ctx, r.ID); err != nil || got.Version != r.Version {
		t.Errorf("Load: version %d, %v; want %d", got.Version, err, r.Version)
	}
	n = next()
	l.lose(func() {
		count()
		m := n
		m.Version++
		if err := other.Save(ctx, m, n.Version); err != nil {
			t.Errorf("Save by another: %v", err)
		}
	})
	if err := s.Save(ctx, n, r.Version); err == nil || errors.Is(err, store.ErrConflict) {
		t.Errorf("Save whose answer was lost, and which another followed: %v, want an error that says it is not known", err)
	}
	l.lose(func() {
		count()
		if err := other.Delete(ctx, r.ID); err != nil {
			t.Errorf("Delete by another: %v", err)
		}
	})
	n.Version++
	r = n
	if err := s.Save(ctx, next(), r.Version); err == nil || errors.Is(err, store.ErrConflict) {
		t.Errorf("Save whose answer was lost, of a record that was deleted then: %v", err)
	}
	l.lose(count)
	if err := s.Delete(ctx, r.ID); err != nil {
		t.Errorf("Delete whose answer was lost: %v", err)
	}
	if lost != 5 {
		t.Errorf("%d answers were lost, want 5", lost)
	}
}
