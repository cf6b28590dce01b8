package integration

import (
	"context"
	"errors"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// errDown is what a store says that a test has broken.
var errDown = errors.New("the store is down")

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

// A spy hands everything on to a store, counts the calls, keeps what was
// written, and does before a call what a test wants done: fail, hang, or
// let another request go first.
type spy struct {
	store.Store

	mu      sync.Mutex
	calls   map[string]int // by the names of the methods
	written []store.Record
	hook    hook
}

// A hook runs before a call of the store, and fails it by an error.
type hook func(ctx context.Context, method string, id store.ID) error

func newSpy(s store.Store) *spy { return &spy{Store: s, calls: make(map[string]int)} }

func (s *spy) Shared() bool { return store.Shared(s.Store) }

func (s *spy) before(ctx context.Context, method string, id store.ID) error {
	s.mu.Lock()
	s.calls[method]++
	hook := s.hook
	s.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx, method, id)
}

func (s *spy) keep(rec store.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec.Data = slices.Clone(rec.Data)
	s.written = append(s.written, rec)
}

// writtenRecords returns every record that was given to Create or Save.
func (s *spy) writtenRecords() []store.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.written)
}

// during returns the calls that f causes.
func (s *spy) during(f func()) map[string]int {
	s.mu.Lock()
	was := maps.Clone(s.calls)
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make(map[string]int)
	for method, n := range s.calls {
		if n -= was[method]; n > 0 {
			calls[method] = n
		}
	}
	return calls
}

// interfere has a hook run before the calls of these methods, or of all where
// none is named. It replaces the one before.
func (s *spy) interfere(h hook, methods ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = func(ctx context.Context, method string, id store.ID) error {
		if len(methods) > 0 && !slices.Contains(methods, method) {
			return nil
		}
		return h(ctx, method, id)
	}
}

// fail breaks methods until heal.
func (s *spy) fail(methods ...string) {
	s.interfere(func(context.Context, string, store.ID) error { return errDown }, methods...)
}

// hang makes methods wait for the end of their context until heal.
func (s *spy) hang(methods ...string) {
	s.interfere(func(ctx context.Context, _ string, _ store.ID) error {
		<-ctx.Done()
		return ctx.Err()
	}, methods...)
}

func (s *spy) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = nil
}

func (s *spy) Load(ctx context.Context, id store.ID) (store.Record, error) {
	if err := s.before(ctx, "Load", id); err != nil {
		return store.Record{}, err
	}
	return s.Store.Load(ctx, id)
}

func (s *spy) Create(ctx context.Context, rec store.Record) error {
	s.keep(rec)
	if err := s.before(ctx, "Create", rec.ID); err != nil {
		return err
	}
	return s.Store.Create(ctx, rec)
}

func (s *spy) Save(ctx context.Context, rec store.Record, old uint64) error {
	s.keep(rec)
	if err := s.before(ctx, "Save", rec.ID); err != nil {
		return err
	}
	return s.Store.Save(ctx, rec, old)
}

func (s *spy) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	if err := s.before(ctx, "Touch", id); err != nil {
		return err
	}
	return s.Store.Touch(ctx, id, version, seen, expires)
}

// TouchRecord is what a manager calls: a Touch, by whatever way the store has.
func (s *spy) TouchRecord(ctx context.Context, rec store.Record, seen, expires time.Time) error {
	if err := s.before(ctx, "Touch", rec.ID); err != nil {
		return err
	}
	return store.Touch(ctx, s.Store, rec, seen, expires)
}

func (s *spy) Delete(ctx context.Context, id store.ID) error {
	if err := s.before(ctx, "Delete", id); err != nil {
		return err
	}
	return s.Store.Delete(ctx, id)
}

// List makes a spy a store.Lister, as far as the store is one.
func (s *spy) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := s.before(ctx, "List", store.ID{}); err != nil {
			yield(store.Record{}, err)
			return
		}
		store.List(ctx, s.Store, subject)(yield)
	}
}

// DeleteSubject is the store's, or deletes each.
func (s *spy) DeleteSubject(ctx context.Context, subject string, spare store.ID) iter.Seq2[store.ID, error] {
	return func(yield func(store.ID, error) bool) {
		if err := s.before(ctx, "DeleteSubject", store.ID{}); err != nil {
			yield(store.ID{}, err)
			return
		}
		store.DeleteSubject(ctx, s.Store, subject, spare)(yield)
	}
}

// GC makes a spy a store.Collector, as far as the store is one.
func (s *spy) GC(ctx context.Context) (int, error) {
	if err := s.before(ctx, "GC", store.ID{}); err != nil {
		return 0, err
	}
	return store.GC(ctx, s.Store)
}

// rewrite replaces a record past every manager, as a version of its own.
func (e *env) rewrite(id store.ID, change func(*store.Record)) {
	e.t.Helper()
	rec, err := e.side.Load(e.t.Context(), id)
	if err != nil {
		e.t.Errorf("rewrite: %v", err)
		return
	}
	rec.Version, rec.Data = rand.Uint64()|1, slices.Clone(rec.Data)
	change(&rec)
	// No Save moves a time back.
	if err := errors.Join(e.side.Delete(e.t.Context(), id), e.side.Create(e.t.Context(), rec)); err != nil {
		e.t.Errorf("rewrite: %v", err)
	}
}

// age makes everything that a record tells of happen d earlier, which is how
// time passes for a store that cannot be put under testing/synctest.
func (e *env) age(id store.ID, d time.Duration) {
	e.t.Helper()
	e.rewrite(id, func(rec *store.Record) {
		rec.Seen, rec.Expires, rec.Deadline = rec.Seen.Add(-d), rec.Expires.Add(-d), rec.Deadline.Add(-d)
		env := parseEnvelope(e.t, rec.Data)
		env.age(d)
		rec.Data = env.bytes()
	})
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// LoadAll is one call, whatever the store makes of it.
func (s *spy) LoadAll(ctx context.Context, ids []store.ID) ([]store.Record, error) {
	if err := s.before(ctx, "LoadAll", store.ID{}); err != nil {
		return nil, err
	}
	return store.LoadAll(ctx, s.Store, ids)
}

// Follow follows the store, if that can be followed.
func (s *spy) Follow(ctx context.Context, changed func(store.ID)) error {
	return store.Follow(ctx, s.Store, changed)
}
