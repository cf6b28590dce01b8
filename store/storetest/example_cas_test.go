package storetest_test

import (
	"context"
	"fmt"

	"github.com/b4468f51/session/store/memstore"
	"github.com/b4468f51/session/store/storetest"
)

// What clients saw of one record can be recorded and judged by itself.
func ExampleRecordCAS() {
	s := memstore.New()
	defer s.Close()
	history, err := storetest.RecordCAS(context.Background(), s, 4, 10)
	fmt.Println(err, history.Check())
	// Output:
	// <nil> <nil>
}
