package life_test

import (
	"context"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/store"
)

// notTogether are the methods that are called before anybody else has the session.
var notTogether = []string{"Load", "GiveHeader", "Keep"}

// calls do what each method does, where its arguments do not follow from their types.
var calls = map[string]func(w *world, s *life.Session){
	"CloseReadHeader": func(_ *world, s *life.Session) { s.CloseReadHeader(new(life.Header)) },
	"Apply":           func(_ *world, s *life.Session) { _ = set(s, "a", "y"); _ = remove(s, "b") },
	"Sign":            func(w *world, s *life.Session) { _ = login(w.host, s, "u"); _ = renew(s) },
	"Update":          func(_ *world, s *life.Session) { _ = count(s, "n") },
	"Refuse":          func(_ *world, s *life.Session) { _ = s.Refuse(change.Set, "a", errLost) },
	// No methods, but they belong to them:
	"read": func(_ *world, s *life.Session) { shows(s) },
	"revoke": func(w *world, s *life.Session) {
		_, _ = w.host.RevokeAll(w.t.Context(), w.host.Scope("w"), s, store.ID{})
	},
}

// call calls a method with some arguments.
func call(w *world, s *life.Session, name string) {
	if do := calls[name]; do != nil {
		do(w, s)
		return
	}
	m := reflect.ValueOf(s).MethodByName(name)
	var args []reflect.Value
	for i := range m.Type().NumIn() {
		switch typ := m.Type().In(i); typ {
		case reflect.TypeFor[context.Context]():
			args = append(args, reflect.ValueOf(w.t.Context()))
		case reflect.TypeFor[string]():
			args = append(args, reflect.ValueOf("a"))
		case reflect.TypeFor[error]():
			args = append(args, reflect.ValueOf(&errLost).Elem())
		case reflect.TypeFor[func()]():
			args = append(args, reflect.ValueOf(func() { s.TakeToken() }))
		case reflect.TypeFor[bool]():
			args = append(args, reflect.ValueOf(true))
		default:
			w.t.Fatalf("%s takes a %v: say in calls what it is called with", name, typ)
		}
	}
	m.Call(args)
}

// Run with the race detector: what one goroutine does with a session, another one may do
// something else beside.
func TestEachMethodIsCalledBesideEachOther(t *testing.T) {
	names := slices.Collect(maps.Keys(calls))
	typ := reflect.TypeFor[*life.Session]()
	for i := range typ.NumMethod() {
		if name := typ.Method(i).Name; !slices.Contains(notTogether, name) && calls[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for kind, sealed := range map[string]bool{"in a store": false, "sealed": true} {
		t.Run(kind, func(t *testing.T) {
			for i, a := range names {
				for _, b := range names[i:] {
					w := newWorld(t, rotating)
					if sealed {
						w, _ = newSealedWorld(t)
					}
					token := w.stored("u", "a=x b=y")
					for _, s := range []*life.Session{w.visit(token), w.visit()} {
						var both sync.WaitGroup
						for _, name := range []string{a, b} {
							both.Go(func() {
								for range 2 {
									call(w, s, name)
								}
							})
						}
						done := make(chan bool)
						go func() { both.Wait(); close(done) }()
						select {
						case <-done:
						case <-time.After(time.Minute):
							t.Fatalf("%s beside %s hangs", a, b)
						}
					}
				}
			}
		})
	}
}

// The updates of several goroutines on one session, and of several sessions, all count.
func TestUpdatesOfManyGoroutinesAllCount(t *testing.T) {
	w := newWorld(t)
	token := w.stored("", "n=I")
	s := w.visit(token)
	var all sync.WaitGroup
	for _, s := range []*life.Session{s, s, s, w.visit(token), w.elsewhere(token)} {
		all.Go(func() {
			for range 20 {
				if err := count(s, "n"); err != nil {
					t.Error(err)
				}
				if err := s.Save(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	n := life.Read(w.visit(token), func(d *change.Draft) int {
		v, _ := d.Lookup("n")
		return strings.Count(string(v.Data), "I")
	})
	w.is("it counts", n, 101)
}

// No lock is held while a function of the caller runs: it may use the session.
func TestTheFunctionsOfTheCallerMayUseTheSession(t *testing.T) {
	w := newWorld(t)
	s := w.visit(w.stored("u", "a=x"))
	use := func() { shows(s); _ = set(s, "used", "x"); s.Owes() }
	w.must(s.Update("n", func(envelope.Value, bool) (envelope.Value, error) { use(); return text("I"), nil }))
	w.must(s.Commit(t.Context(), false))
	w.must(s.Destroy(t.Context(), use))
}

// A header waits for the commit of another goroutine: it has the token, or the goroutine
// has the error.
func TestAHeaderHasTheTokenOfACommitThatIsUnderWay(t *testing.T) {
	for name, answer := range map[string]func(s *life.Session) (told bool){
		"CloseHeader": func(s *life.Session) bool { return s.CloseHeader().Due },
		"Fail":        func(s *life.Session) bool { s.Fail(errLost); return s.CloseHeader().Due },
		"LoseHeader":  func(s *life.Session) bool { return s.LoseHeader() },
		"NeedsHeader": func(s *life.Session) bool { return s.NeedsHeader() },
	} {
		w := newWorld(t)
		s := w.visit(w.stored("", "a=x"))
		w.must(renew(s))
		told := make(chan bool, 1)
		w.store.save = func(store.Record) error {
			go func() { told <- answer(s) }()
			for range 1000 { // it must not answer here
				runtime.Gosched()
			}
			return errAsk
		}
		w.must(s.Save(t.Context()))
		w.is(name+" sees the token", <-told, true)
	}
}

// A Login waits for a commit of the session before, which would undo it.
func TestALoginWaitsForACommit(t *testing.T) {
	w := newWorld(t)
	s := w.visit(w.stored("v", "a=x"))
	w.must(set(s, "b", "y"))
	signedIn := make(chan error, 1)
	w.store.save = func(store.Record) error {
		go func() { signedIn <- login(w.host, s, "u") }()
		for range 1000 {
			runtime.Gosched()
		}
		return errAsk
	}
	w.must(s.Save(t.Context()))
	w.must(<-signedIn)
	w.is("it shows", shows(s), "u:")
	w.must(s.Save(t.Context()))
	w.finds(w.token(s), "u:")
}
