package storetest_test

import (
	"testing"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
	"github.com/b4468f51/session/store/storetest"
)

// The test of a store is one call, which gives each rule a store of its own.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestContract
		storetest.Run(t, func(t *testing.T) store.Store {
			s := memstore.New()
			t.Cleanup(func() { s.Close() })
			return s
		})
	}
}
