package watch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/watch"
	"github.com/b4468f51/session/store"
)

const every, timeout = 5 * time.Second, time.Second

var errOver, errDown = errors.New("over"), errors.New("down")

// A source has the states of sessions.
type source struct {
	mu      sync.Mutex
	states  map[store.ID]watch.State
	looks   []int // how many sessions each has looked at
	down    error
	expires time.Time
	beside  func() // runs in the course of a look
	changed func(store.ID)
	follows func(ctx context.Context, changed func(store.ID)) error
}

func (s *source) Look(ctx context.Context, sessions []watch.Watched, found func(store.ID, watch.State, time.Time)) error {
	s.mu.Lock()
	s.looks = append(s.looks, len(sessions))
	down, beside, expires := s.down, s.beside, s.expires
	states := map[store.ID]watch.State{}
	for id, state := range s.states {
		states[id] = state
	}
	s.mu.Unlock()
	if beside != nil {
		beside()
	}
	if down != nil {
		return down
	}
	for _, watched := range sessions {
		if state, ok := states[watched.ID]; ok {
			found(watched.ID, state, expires)
		}
	}
	return ctx.Err()
}

func (s *source) Follow(ctx context.Context, changed func(store.ID)) error {
	s.mu.Lock()
	follows := s.follows
	s.mu.Unlock()
	if follows == nil {
		return errors.ErrUnsupported
	}
	return follows(ctx, changed)
}

func (s *source) with(edit func(*source)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(s)
}

func (s *source) set(id store.ID, state watch.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states[id] = state
}

func (s *source) looked() (n []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, s.looks = s.looks, nil
	return n
}

// A stream shows a state.
type stream struct {
	mu    sync.Mutex
	state watch.State
	busy  bool
}

func (s *stream) Shows() (watch.State, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, !s.busy
}

func (s *stream) is(state watch.State, busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.busy = state, busy
}

type world struct {
	t      *testing.T
	source *source
	hub    *watch.Hub
	mu     sync.Mutex
	failed []error
}

func run(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, source: &source{states: map[store.ID]watch.State{}, expires: time.Now().Add(time.Hour)}}
		w.hub = watch.New(w.source, every, timeout, errOver, func(err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.failed = append(w.failed, err)
		})
		test(w)
		w.hub.Close()
	})
}

func id(n int) store.ID { return store.ID{1, byte(n >> 8), byte(n)} }

var first = watch.State{Version: 1, Generation: 1}

// watches begins to watch a session, which is stored.
func (w *world) watches(n int) (*watch.Watch, *stream) {
	w.t.Helper()
	w.source.set(id(n), first)
	s := &stream{state: first}
	watched, err := w.hub.Watch(w.t.Context(), id(n), s)
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	return watched, s
}

func (w *world) reported() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.failed)
	w.failed = nil
	return n
}

// followed makes the source one that tells of changes until it is interrupted.
func (w *world) followed() (interrupt chan error) {
	interrupt = make(chan error)
	follows := func(ctx context.Context, changed func(store.ID)) error {
		w.source.mu.Lock()
		w.source.changed = changed
		w.source.mu.Unlock()
		changed(store.ID{})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-interrupt:
			return err
		}
	}
	w.source.with(func(s *source) { s.follows = follows })
	return interrupt
}

func (w *world) is(what string, got, want any) {
	w.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// All sessions are looked at together, and a batch is no larger than stores take.
func TestAllAreLookedAtTogether(t *testing.T) {
	run(t, func(w *world) {
		for n := range 300 {
			w.watches(n)
			w.watches(n) // another stream of the session
		}
		w.source.looked()
		time.Sleep(every)
		synctest.Wait()
		w.is("looks", w.source.looked(), []int{128, 128, 44})
	})
}

// A source that is followed is looked at for what it tells alone, and once a minute anyhow.
func TestWhatIsFollowedIsNotLookedAt(t *testing.T) {
	run(t, func(w *world) {
		w.followed()
		a, _ := w.watches(1)
		b, _ := w.watches(2)
		w.source.looked()
		time.Sleep(10 * every)
		w.is("looks", w.source.looked(), "[]")
		w.source.set(id(2), watch.State{Version: 2, Generation: 1})
		w.source.changed(id(2))
		synctest.Wait()
		w.is("looks", w.source.looked(), "[1]")
		w.is("told", len(b.Changed()), 1)
		w.is("told of another", len(a.Changed()), 0)
		w.source.changed(id(3)) // which nobody watches
		synctest.Wait()
		w.is("looks", w.source.looked(), "[]")
		time.Sleep(2 * time.Minute)
		w.is("looks in two minutes", len(w.source.looked()) >= 1, true)
	})
}

// While following is interrupted, all are looked at, and it is reported once.
func TestAnInterruptionIsBridged(t *testing.T) {
	run(t, func(w *world) {
		interrupt := w.followed()
		a, _ := w.watches(1)
		w.source.looked()
		w.source.set(id(1), watch.State{Version: 2, Generation: 1})
		interrupt <- errDown
		w.source.with(func(s *source) { s.follows = func(context.Context, func(store.ID)) error { return errDown } })
		time.Sleep(10 * every)
		w.is("looks", len(w.source.looked()) >= 9, true)
		w.is("told", len(a.Changed()), 1)
		w.is("reported", w.reported(), 1)
		w.followed()
		time.Sleep(2 * every)
		w.source.looked()
		time.Sleep(5 * every)
		w.is("looks when it is back", w.source.looked(), "[]")
		w.is("reported", w.reported(), 0)
	})
}

// A stream that commits meanwhile is not taken for one whose token was killed.
func TestAFindingOlderThanACommitOfTheStreamSaysNothing(t *testing.T) {
	renewed := watch.State{Version: 2, Generation: 2}
	for name, beside := range map[string]func(w *world, s *stream){
		"the store has it first": func(w *world, s *stream) { w.source.set(id(1), renewed); s.is(first, true) },
		"it has come and gone":   func(w *world, s *stream) { w.source.set(id(1), renewed); s.is(renewed, false) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *world) {
				a, s := w.watches(1)
				stream := s
				w.source.with(func(s *source) { s.beside = func() { beside(w, stream) } })
				w.hub.Changed(id(1))
				synctest.Wait()
				w.source.with(func(s *source) { s.beside = nil })
				w.is("ended", a.Err(), nil)
				s.is(renewed, false)
				w.hub.Changed(id(1))
				synctest.Wait()
				time.Sleep(every)
				w.is("ended", a.Err(), nil)
			})
		})
	}
}

// Of two streams of one session the one that commits does not hold the other back for long.
func TestABusyStreamIsLookedAtWhenItIsDone(t *testing.T) {
	run(t, func(w *world) {
		a, _ := w.watches(1)
		_, busy := w.watches(1)
		busy.is(first, true)
		w.source.set(id(1), watch.State{Version: 2, Generation: 2})
		w.hub.Changed(id(1))
		synctest.Wait()
		w.is("ended", a.Err(), nil)
		busy.is(watch.State{Version: 2, Generation: 2}, false)
		w.hub.Changed(id(1))
		synctest.Wait()
		w.is("ended", context.Cause(a), errOver)
	})
}

// A lower generation is of a store that has lost writes: the token is dead all the same.
func TestALostRenewalEndsTheStream(t *testing.T) {
	run(t, func(w *world) {
		a, s := w.watches(1)
		s.is(watch.State{Version: 2, Generation: 2}, false)
		time.Sleep(every)
		synctest.Wait()
		w.is("ended", context.Cause(a), errOver)
	})
}

// A source that fails ends nothing, is reported once, and is asked again once in every interval.
func TestASourceThatFailsEndsNothing(t *testing.T) {
	run(t, func(w *world) {
		a, _ := w.watches(1)
		w.source.with(func(s *source) { s.down = errDown })
		w.source.looked()
		time.Sleep(4*every + every/2)
		w.is("looks", w.source.looked(), "[1 1 1 1]")
		w.is("reported", w.reported(), 1)
		w.is("ended", a.Err(), nil)
		w.source.with(func(s *source) { s.down = nil })
		time.Sleep(every)
		w.source.with(func(s *source) { s.down = errDown })
		time.Sleep(every)
		w.is("reported, after it was back", w.reported(), 1)
	})
}

// A session that expires is looked at, though nobody tells of it.
func TestWhatExpiresIsLookedAt(t *testing.T) {
	run(t, func(w *world) {
		w.followed()
		w.source.with(func(s *source) { s.expires = time.Now().Add(20 * time.Second) })
		a, _ := w.watches(1)
		w.source.mu.Lock()
		delete(w.source.states, id(1))
		w.source.mu.Unlock()
		time.Sleep(20*time.Second + every)
		synctest.Wait()
		w.is("ended", context.Cause(a), errOver)
	})
}

// Nothing runs while nobody watches.
func TestNothingRunsForNobody(t *testing.T) {
	run(t, func(w *world) {
		w.followed()
		ctx, cancel := context.WithCancel(w.t.Context())
		w.source.set(id(1), first)
		if _, err := w.hub.Watch(ctx, id(1), &stream{state: first}); err != nil {
			t.Fatal(err)
		}
		b, _ := w.watches(2)
		cancel()
		b.Stop()
		synctest.Wait()
		w.source.looked()
		w.hub.Changed(id(1))
		w.hub.Changed(store.ID{})
		w.hub.Ended(id(1))
		time.Sleep(10 * every)
		w.is("looks", w.source.looked(), "[]")
		c, _ := w.watches(1) // and again
		w.source.looked()
		w.source.changed(id(1))
		synctest.Wait()
		w.is("looks", w.source.looked(), "[1]")
		w.is("ended", c.Err(), nil)
	})
}

// A stream is told of a change once, and again if it has looked and not seen it.
func TestAChangeIsToldOnce(t *testing.T) {
	run(t, func(w *world) {
		a, s := w.watches(1)
		w.source.set(id(1), watch.State{Version: 2, Generation: 1})
		for range 3 {
			time.Sleep(every)
			synctest.Wait()
			select {
			case <-a.Changed():
			default:
			}
		}
		w.is("told", len(a.Changed()), 0)
		s.is(first, false)
		w.hub.Looked(id(1), s) // which has found an older one, by way of a cache
		synctest.Wait()
		w.is("told again", len(a.Changed()), 1)
		<-a.Changed()
		s.is(watch.State{Version: 2, Generation: 1}, false)
		w.hub.Looked(id(1), s)
		time.Sleep(3 * every)
		w.is("told once more", len(a.Changed()), 0)
	})
}

// A watch that comes when the last one has just gone is served at once, and the source is followed
// by one at a time.
func TestOneWatchFollowsUponAnother(t *testing.T) {
	run(t, func(w *world) {
		var mu sync.Mutex
		follows, most, slow := 0, 0, make(chan bool)
		w.source.with(func(s *source) {
			s.follows = func(ctx context.Context, changed func(store.ID)) error {
				mu.Lock()
				follows++
				most = max(most, follows)
				mu.Unlock()
				changed(store.ID{})
				<-ctx.Done()
				<-slow // it takes its time to end
				mu.Lock()
				follows--
				mu.Unlock()
				return ctx.Err()
			}
		})
		a, _ := w.watches(1)
		looking, goOn := make(chan bool), make(chan bool)
		w.source.with(func(s *source) {
			s.beside = func() { w.source.with(func(s *source) { s.beside = nil }); close(looking); <-goOn }
		})
		w.hub.Changed(id(1))
		<-looking
		a.Stop()
		b, _ := w.watches(1)
		w.source.set(id(1), watch.State{Version: 2, Generation: 1})
		w.hub.Changed(id(1))
		synctest.Wait()
		w.is("told while the look of before goes on", len(b.Changed()), 1)
		close(goOn)
		close(slow)
		synctest.Wait()
		b.Stop()
		mu.Lock()
		w.is("followed at once by", most, 1)
		mu.Unlock()
	})
}
