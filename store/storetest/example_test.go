package storetest_test

import (
	"context"
	"fmt"
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

// What clients saw of one record can be recorded and judged by itself.
func ExampleRecordCAS() {
	s := memstore.New()
	defer s.Close()
	history, err := storetest.RecordCAS(context.Background(), s, 4, 10)
	fmt.Println(err, history.Check())
	// Output:
	// <nil> <nil>
}
