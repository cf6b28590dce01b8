package commit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

var rules = change.Rules{
	MaxSize: 10_000, MaxValues: 1000, MaxPending: 1000,
	Lifetime: 10 * time.Hour, Anonymous: 5 * time.Hour, MaxLifetime: 100 * time.Hour, Grace: time.Minute,
	Touch: time.Minute, Idle: idle, MaxIdle: 24 * time.Hour,
}

const idle = time.Hour

// A world is a store with two processes over it, of which the second one has no
// faults.
type world struct {
	t         *testing.T
	under     store.Store
	faulty    *faulty
	one, two  *commit.Engine
	id        store.ID
	presented sid.Hash
}

func newWorld(t *testing.T) *world {
	st := memstore.New()
	f := &faulty{Store: st}
	w := &world{t: t, under: st, faulty: f, one: commit.New(f, &rules), two: commit.New(st, &rules)}
	w.id, w.presented = sid.NewID(), sid.Hash{7}
	c := w.fresh(w.one, w.id, count)
	w.must(c)
	return w
}

// A faulty store asks its functions first, where there are any.
type faulty struct {
	store.Store
	save   func(ctx context.Context, rec store.Record, old uint64) error
	create func(ctx context.Context, rec store.Record) error
	load   func(ctx context.Context, id store.ID) (store.Record, error)
}

func (f *faulty) Save(ctx context.Context, rec store.Record, old uint64) error {
	if f.save != nil {
		return f.save(ctx, rec, old)
	}
	return f.Store.Save(ctx, rec, old)
}

func (f *faulty) Create(ctx context.Context, rec store.Record) error {
	if f.create != nil {
		return f.create(ctx, rec)
	}
	return f.Store.Create(ctx, rec)
}

func (f *faulty) Load(ctx context.Context, id store.ID) (store.Record, error) {
	if f.load != nil {
		return f.load(ctx, id)
	}
	return f.Store.Load(ctx, id)
}

// program is the least that a caller of a commit has to say.
type program struct {
	w       *world
	another error
	begun   int // sessions in the place of one that has ended
	did     func(what string)
}

func (p *program) FirstSecret() (sid.Hash, []byte) { return p.w.presented, nil }
func (p *program) Another() error                  { p.begun++; return p.another }

func (p *program) Housekeep() {
	if p.did != nil {
		p.did("housekeep")
	}
}
func (p *program) Unreadable(_ store.Record, err error) error { return err }

// count adds one to n; what it has added is seen in the text.
var count = change.Op{Kind: change.Update, Key: "n", Updating: &change.Updating{
	Update: func(old envelope.Value, _ bool) (envelope.Value, error) { return text(string(old.Data) + "I"), nil },
}}

func set(key, value string) change.Op {
	return change.Op{Kind: change.Set, Key: key, Value: text(value)}
}

func text(s string) envelope.Value {
	v, err := envelope.Encode(envelope.JSON{}, s)
	if err != nil {
		panic(err)
	}
	return v
}

func login(subject string) change.Op {
	return change.Op{Kind: change.Login, Signing: &change.Signing{
		At: time.Now(), Secret: &sid.Secret{8}, Hash: sid.Hash{8}, Subject: subject,
	}}
}

func renew() change.Op {
	return change.Op{Kind: change.Renew, Signing: &change.Signing{At: time.Now(), Secret: &sid.Secret{9}, Hash: sid.Hash{9}}}
}

func (w *world) commitOf(e *commit.Engine, d change.Draft, ops ...change.Op) *commit.Commit {
	for i := range ops {
		if err := ops[i].Apply(&d, &rules); err != nil {
			w.t.Fatal(err)
		}
	}
	return &commit.Commit{
		Engine: e, Hooks: &program{w: w}, Context: w.t.Context(), Now: envelope.Truncate(time.Now()),
		Ops: ops, Draft: d, Presented: w.presented, Use: true, Changed: true,
	}
}

// fresh is the commit of a session that begins.
func (w *world) fresh(e *commit.Engine, id store.ID, ops ...change.Op) *commit.Commit {
	return w.commitOf(e, change.Begin(id, envelope.MillisOf(time.Now())), ops...)
}

// loaded is the commit of a request that has loaded the session.
func (w *world) loaded(e *commit.Engine, ops ...change.Op) *commit.Commit {
	w.t.Helper()
	d := w.draft()
	generation := d.Meta().Generation
	c := w.commitOf(e, d, ops...)
	c.Stored, c.Generation = true, generation
	return c
}

func (w *world) draft() change.Draft {
	w.t.Helper()
	rec, err := w.under.Load(w.t.Context(), w.id)
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := change.New(commit.SavedOf(&rec))
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) must(c *commit.Commit) store.Record {
	w.t.Helper()
	rec, err := c.Write()
	if err != nil {
		w.t.Fatal(err)
	}
	return rec
}

// holds checks what is in the store, as in "a=x n=II".
func (w *world) holds(want string) {
	w.t.Helper()
	d := w.draft()
	var got []string
	for _, key := range d.Keys() {
		v, _ := d.Lookup(key)
		got = append(got, key+"="+string(v.Data))
	}
	if got := strings.Join(got, " "); got != want {
		w.t.Errorf("the store holds %s, want %s", got, want)
	}
}

var errLost = errors.New("connection reset")

// Operations are never undone by those of others: they are applied to what those
// have stored.
func TestInvariant1(t *testing.T) {
	w := newWorld(t)
	first, second := w.loaded(w.one, count, set("a", "x")), w.loaded(w.two, count, set("b", "y"))
	w.must(second)
	w.must(first)
	w.holds("a=x b=y n=III")

	// Many at once, of two processes: each counts.
	w = newWorld(t)
	var all sync.WaitGroup
	for i := range 40 {
		c := w.loaded([]*commit.Engine{w.one, w.two}[i%2], count)
		all.Go(func() { w.must(c) })
	}
	all.Wait()
	w.holds("n=" + strings.Repeat("I", 41))
}

// A write that was answered with an error is looked for, and is not made twice.
func TestInvariant2(t *testing.T) {
	for name, said := range map[string]error{"an error": errLost, "a conflict with itself": store.ErrConflict} {
		for others := range 4 {
			w := newWorld(t)
			c := w.loaded(w.one, count)
			w.faulty.save = func(ctx context.Context, rec store.Record, old uint64) error {
				w.faulty.save = nil
				if err := w.under.Save(ctx, rec, old); err != nil {
					t.Error(err)
				}
				for i := range others {
					w.must(w.loaded(w.two, set(fmt.Sprint("o", i), "")))
				}
				return said
			}
			w.must(c)
			if d := w.draft(); c.InDoubt {
				t.Errorf("%s, %d others: it is in doubt", name, others)
			} else if n, _ := d.Lookup("n"); string(n.Data) != "II" {
				t.Errorf("%s, %d others: n is %s, want II", name, others, n.Data)
			}
		}
	}

	// One that has not happened is repeated.
	w := newWorld(t)
	c := w.loaded(w.one, count)
	tries := 0
	w.faulty.save = func(ctx context.Context, rec store.Record, old uint64) error {
		if tries++; tries <= 2 {
			return errLost
		}
		return w.under.Save(ctx, rec, old)
	}
	w.must(c)
	w.holds("n=II")
}

// Where nobody knows whether a write happened, the commit fails and says so.
func TestInvariant3(t *testing.T) {
	down := func(context.Context, store.ID) (store.Record, error) { return store.Record{}, errLost }
	for name, tt := range map[string]struct {
		said error
		load func(context.Context, store.ID) (store.Record, error)
	}{
		"it cannot be looked for":      {errLost, down},
		"a conflict, and no look":      {store.ErrConflict, down},
		"unconfirmed, and to be read":  {store.ErrUnconfirmed, nil},
		"lost, again and again":        {errLost, nil},
		"unconfirmed, and not written": {fmt.Errorf("%w: no replica", store.ErrUnconfirmed), down},
	} {
		for _, fresh := range []bool{false, true} {
			w := newWorld(t)
			c := w.loaded(w.one, count)
			if fresh {
				c = w.fresh(w.one, sid.NewID(), count)
			}
			w.faulty.save = func(ctx context.Context, rec store.Record, old uint64) error {
				if errors.Is(tt.said, store.ErrUnconfirmed) && tt.load == nil {
					_ = w.under.Save(ctx, rec, old)
				}
				w.faulty.load = tt.load
				return tt.said
			}
			w.faulty.create = func(ctx context.Context, rec store.Record) error { return w.faulty.save(ctx, rec, 0) }
			_, err := c.Write()
			var failed *commit.StoreError
			if !errors.As(err, &failed) || !c.InDoubt {
				t.Errorf("%s, fresh %v: %v, in doubt %v; want an error of the store, in doubt", name, fresh, err, c.InDoubt)
			}
		}
	}

	// Before anything was written, nothing is in doubt.
	w := newWorld(t)
	c := w.loaded(w.one, count)
	c.Now = c.Now.Add(6 * time.Hour) // the deadline has passed: it has to be looked for
	w.faulty.load = down
	if _, err := c.Write(); !errors.Is(err, errLost) || c.InDoubt {
		t.Errorf("a load that fails before: %v, in doubt %v", err, c.InDoubt)
	}
}

// A session that is gone, or whose tokens were killed, is not created again.
func TestInvariant4(t *testing.T) {
	gone := func(w *world) {
		if err := w.under.Delete(t.Context(), w.id); err != nil {
			t.Error(err)
		}
	}
	killed := func(w *world) { w.must(w.loaded(w.two, renew())) }
	for name, end := range map[string]func(*world){"gone": gone, "killed": killed} {
		w := newWorld(t)
		c := w.loaded(w.one, count)
		end(w)
		if _, err := c.Write(); err != change.ErrEnded {
			t.Errorf("%s: %v, want ErrEnded", name, err)
		}
		if _, err := w.under.Load(t.Context(), w.id); (err == nil) != (name == "killed") {
			t.Errorf("%s: the record: %v", name, err)
		}

		// A sign-in begins another, which the caller is told of.
		w = newWorld(t)
		c = w.loaded(w.one, count, login("u"))
		end(w)
		rec := w.must(c)
		if p := c.Hooks.(*program); rec.ID == w.id || rec.Subject != "u" || p.begun != 1 {
			t.Errorf("%s: a sign-in has the session %v of %q, begun %d", name, rec.ID, rec.Subject, p.begun)
		}
		if want := map[string]store.ID{"killed": w.id}[name]; c.Killed != want {
			t.Errorf("%s: the killed session is %v, want %v", name, c.Killed, want)
		}

		// Unless the caller refuses it.
		w = newWorld(t)
		c = w.loaded(w.one, login("u"))
		end(w)
		refusal := errors.New("no place")
		c.Hooks.(*program).another = refusal
		if _, err := c.Write(); err != refusal {
			t.Errorf("%s: a sign-in that is refused: %v", name, err)
		}
	}
}

// A commit that does not count as use carries the times that it loaded, one that
// counts those of now.
func TestInvariant5(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		begin := envelope.Truncate(time.Now())
		time.Sleep(10 * time.Minute)
		c := w.loaded(w.one, count)
		c.Use = false
		rec := w.must(c)
		if !rec.Seen.Equal(begin) || !rec.Expires.Equal(begin.Add(idle)) {
			t.Errorf("without use: seen %v, expires %v; want %v and an hour more", rec.Seen, rec.Expires, begin)
		}
		rec = w.must(w.loaded(w.one, count))
		if now := time.Now(); !rec.Seen.Equal(now) || !rec.Expires.Equal(now.Add(idle)) {
			t.Errorf("with use: seen %v, expires %v; want %v and an hour more", rec.Seen, rec.Expires, now)
		}
		// A touch meanwhile is kept, since it has no version.
		c = w.loaded(w.one, count)
		c.Use = false
		time.Sleep(10 * time.Minute)
		now := envelope.Truncate(time.Now())
		if err := store.Touch(t.Context(), w.under, rec, now, now.Add(idle)); err != nil {
			t.Fatal(err)
		}
		w.must(c)
		if rec, err := w.under.Load(t.Context(), w.id); err != nil || !rec.Seen.Equal(now) {
			t.Errorf("after a touch: seen %v, want %v: %v", rec.Seen, now, err)
		}
	})
}

// Writers of one session come one after another, of others they do not wait; nor
// does anybody longer than the context allows.
func TestInvariant6(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		other := sid.NewID()
		w.must(w.fresh(w.one, other, count))
		entered, leave := make(chan bool), make(chan bool)
		var within, most atomic.Int32
		w.faulty.save = func(ctx context.Context, rec store.Record, old uint64) error {
			if rec.ID == w.id {
				most.Store(max(most.Load(), within.Add(1)))
				defer within.Add(-1)
				entered <- true
				<-leave
			}
			return w.under.Save(ctx, rec, old)
		}
		var all sync.WaitGroup
		for range 5 {
			c := w.loaded(w.one, count)
			all.Go(func() { w.must(c) })
		}
		<-entered
		synctest.Wait() // the other four wait for the first
		late := w.loaded(w.one, count)
		limited, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		late.Context = limited
		begin := time.Now()
		if _, err := late.Write(); !errors.Is(err, context.DeadlineExceeded) || late.InDoubt || time.Since(begin) != time.Second {
			t.Errorf("a wait: %v after %v, in doubt %v; want a second, and nothing written", err, time.Since(begin), late.InDoubt)
		}
		id := w.id
		w.id = other
		c := w.loaded(w.one, count)
		w.id = id
		w.must(c)
		w.must(w.fresh(w.one, sid.NewID(), count))
		leave <- true
		for range 4 {
			<-entered
			leave <- true
		}
		all.Wait()
		if most.Load() != 1 {
			t.Errorf("%d writers of one session at once", most.Load())
		}
		w.holds("n=IIIIII")
	})
}

// What the writer before has handed on saves a load, and fails nothing by itself.
func TestInvariant7(t *testing.T) {
	for name, ended := range map[string]bool{"saves a load": false, "fails nothing": true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			loads := 0
			w.faulty.load = func(ctx context.Context, id store.ID) (store.Record, error) {
				loads++
				return w.under.Load(ctx, id)
			}
			first := w.loaded(w.one, set("a", "x"))
			release := make(chan bool)
			w.faulty.save = func(ctx context.Context, rec store.Record, old uint64) error {
				w.faulty.save = nil
				err := w.under.Save(ctx, rec, old)
				<-release
				return err
			}
			var all sync.WaitGroup
			all.Go(func() { w.must(first) })
			synctest.Wait()
			second := change.Op{Kind: change.Pop, Key: "b", Value: text("y")}
			if ended { // what is popped came after the record that is handed on
				w.must(w.loaded(w.two, set("b", "y")))
			} else {
				second = count
			}
			c := w.loaded(w.one, second)
			all.Go(func() { w.must(c) })
			synctest.Wait()
			close(release)
			all.Wait()
			if (loads > 0) != ended {
				t.Errorf("%s: %d loads", name, loads)
			}
			w.holds(map[bool]string{true: "a=x n=I", false: "a=x n=II"}[ended])
		})
	}
}

// The draft that a commit begins with is its own: what it was shared with stays.
func TestInvariant8(t *testing.T) {
	w := newWorld(t)
	d := w.draft()
	o := set("a", "x")
	if err := o.Apply(&d, &rules); err != nil {
		t.Fatal(err)
	}
	c := w.commitOf(w.one, d.Share())
	c.Ops, c.Stored = []change.Op{o}, true
	w.must(w.loaded(w.two, set("b", "y"), set("c", "z")))
	w.must(c)
	if got := fmt.Sprint(d.Keys()); got != "[a n]" {
		t.Errorf("the handler's draft has become %s", got)
	}
	w.holds("a=x b=y c=z n=I")
}

// Every commit ends, whatever the store says.
func TestInvariant9(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.loaded(w.one, count)
		tries := 0
		w.faulty.save = func(_ context.Context, _ store.Record, _ uint64) error {
			tries++
			w.must(w.loaded(w.two, set("o", fmt.Sprint(tries))))
			return store.ErrConflict
		}
		if _, err := c.Write(); !errors.Is(err, change.ErrConflict) || tries != commit.MaxAttempts || c.InDoubt {
			t.Errorf("with others always first: %v after %d attempts, in doubt %v", err, tries, c.InDoubt)
		}
		c, tries = w.loaded(w.one, count), 0
		w.faulty.save = func(context.Context, store.Record, uint64) error { tries++; return errLost }
		if _, err := c.Write(); !errors.Is(err, errLost) || tries != 3 {
			t.Errorf("with a store that fails: %v after %d attempts", err, tries)
		}
	})
}

// A record that is over, or another's, is not found.
func TestInvariant10(t *testing.T) {
	now := envelope.Truncate(time.Now())
	id := sid.NewID()
	for name, rec := range map[string]store.Record{
		"of another ID": {ID: sid.NewID(), Expires: now.Add(1), Deadline: now.Add(1)},
		"idle too long": {ID: id, Expires: now, Deadline: now.Add(time.Hour)},
		"over":          {ID: id, Expires: now.Add(time.Hour), Deadline: now},
	} {
		e := commit.New(&faulty{load: func(context.Context, store.ID) (store.Record, error) { return rec, nil }}, &rules)
		if got, err := e.Load(t.Context(), id, now); !errors.Is(err, store.ErrNotFound) || got.Version != 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	rec := store.Record{ID: id, Expires: now.Add(time.Hour), Deadline: now.Add(time.Minute)}
	e := commit.New(&faulty{load: func(context.Context, store.ID) (store.Record, error) { return rec, nil }}, &rules)
	if got, err := e.Load(t.Context(), id, now); err != nil || !got.Expires.Equal(rec.Deadline) {
		t.Errorf("one whose deadline was brought forward: %v, %v", got.Expires, err)
	}
}

// The writer before may hand on a record that is older than the one which the request loaded: of
// a time before its sign-in. That says nothing about the session.
func TestAnOlderRecordOfTheLaneIsNotFollowed(t *testing.T) { synctest.Test(t, testOlderInLane) }

func testOlderInLane(t *testing.T) {
	w := newWorld(t)
	saved, goOn := make(chan bool), make(chan bool)
	w.faulty.save = func(ctx context.Context, rec store.Record, old uint64) error {
		w.faulty.save = nil
		err := w.under.Save(ctx, rec, old)
		close(saved)
		<-goOn // its answer is slow
		return err
	}
	first := w.loaded(w.one, count)
	done := make(chan error)
	go func() { _, err := first.Write(); done <- err }()
	<-saved
	w.must(w.loaded(w.two, renew()))
	second := w.loaded(w.one, login("u"))
	go func() {
		rec, err := second.Write()
		if err == nil && rec.ID != w.id {
			err = errors.New("another session was begun")
		}
		done <- err
	}()
	synctest.Wait() // it waits for its turn
	close(goOn)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// The versions of the writes before are kept for as long as a commit may look for its own.
func TestALineageEndsWithItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, test := range []struct {
			after time.Duration
			want  int
		}{{commit.Window - time.Second, 8}, {commit.Window, 0}} {
			time.Sleep(test.after)
			w.must(w.loaded(w.two, count))
			d := w.draft()
			if got := len(d.Meta().Lineage); got != test.want {
				t.Errorf("after %v the lineage has %d bytes, want %d", test.after, got, test.want)
			}
		}
	})
}
