package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session/store"
)

func TestRun(t *testing.T) {
	Run(t, func(*testing.T) store.Store { return newMapStore() })
}

// TestRunPlain runs the suite on a store that can do the five operations alone.
func TestRunPlain(t *testing.T) {
	Run(t, func(*testing.T) store.Store { return plainStore{newMapStore()} })
}

// TestRunTouching runs the suite on a store that touches by record.
func TestRunTouching(t *testing.T) {
	Run(t, func(*testing.T) store.Store { return touchesRecords{newMapStore()} })
}

// TestRunShared runs the suite on one store for all rules, beside another run.
func TestRunShared(t *testing.T) {
	for range 2 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			shared := newMapStore()
			for range 2 {
				Run(t, func(*testing.T) store.Store { return shared })
			}
		})
	}
}

// TestBroken checks that each broken store fails the rules it breaks, and no
// other: a failure has to name its cause.
func TestBroken(t *testing.T) {
	// All at once, since the rules of expiry wait.
	results := make([]map[string]error, len(brokenStores))
	together(len(brokenStores), func(i int) {
		results[i] = map[string]error{}
		for _, r := range rules {
			err := r.check(t.Context(), brokenStores[i].open())
			if _, unable := errors.AsType[errUnable](err); !unable {
				results[i][r.name] = err
			}
		}
	})
	for i, b := range brokenStores {
		t.Run(b.name, func(t *testing.T) {
			for _, name := range b.breaks {
				if err, ok := results[i][strings.TrimSuffix(name, "?")]; !ok && name != "..." {
					t.Errorf("there is no rule %s", name)
				} else if ok && err == nil && !strings.HasSuffix(name, "?") {
					t.Errorf("rule %s passes", name)
				}
			}
			for name, err := range results[i] {
				if err == nil || slices.Contains(b.breaks, name) || slices.Contains(b.breaks, name+"?") || slices.Contains(b.breaks, "...") {
					continue
				}
				t.Errorf("rule %s fails: %v", name, err)
			}
		})
	}
}

// TestRulesAreBroken checks that each rule is broken by some store here: a rule
// that nothing breaks may check nothing.
func TestRulesAreBroken(t *testing.T) {
	broken := map[string]bool{}
	for _, b := range brokenStores {
		for _, name := range b.breaks {
			broken[name] = true
		}
	}
	for _, r := range rules {
		if !broken[r.name] {
			t.Errorf("no broken store fails rule %s", r.name)
		}
	}
}

func BenchmarkMapStore(b *testing.B) {
	Benchmark(b, func(*testing.B) store.Store { return newMapStore() })
}
