package integration

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/storetest"
)

// What several clients of several Stores over the same data see of Load and
// Save is what they could see of one register.
func TestLinearizable(t *testing.T) {
	for _, c := range storeCases {
		t.Run(c.name, func(t *testing.T) {
			open := c.open(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			h, err := storetest.RecordCAS(ctx, anyOf{open(), open(), open()}, 8, 25)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.Check(); err != nil {
				t.Error(err)
			}
			history := make([]porcupine.Operation, len(h.Ops))
			for i, op := range h.Ops {
				history[i] = porcupine.Operation{
					ClientId: op.Client, Input: op, Call: int64(op.Call), Return: int64(op.Return),
				}
			}
			if got := porcupine.CheckOperationsTimeout(versionOf(h.First), history, time.Minute); got != porcupine.Ok {
				t.Errorf("porcupine's verdict on %d operations: %v", len(history), got)
			}
		})
	}
}

// versionOf is the model of a record: its version, to be loaded and swapped.
func versionOf(first uint64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return first },
		Step: func(state, input, _ any) (bool, any) {
			version, op := state.(uint64), input.(storetest.CASOp)
			switch {
			case !op.Swap:
				return op.Version == version, version
			case op.OK:
				return op.Old == version, op.Version
			}
			return op.Old != version, version
		},
	}
}

// anyOf spreads operations over Stores on the same data, as a load balancer
// spreads the requests of a client over processes.
type anyOf []store.Store

func (s anyOf) any() store.Store { return s[rand.N(len(s))] }

func (s anyOf) Load(ctx context.Context, id store.ID) (store.Record, error) {
	return s.any().Load(ctx, id)
}

func (s anyOf) Create(ctx context.Context, rec store.Record) error {
	return s.any().Create(ctx, rec)
}

func (s anyOf) Save(ctx context.Context, rec store.Record, old uint64) error {
	return s.any().Save(ctx, rec, old)
}

func (s anyOf) Touch(ctx context.Context, id store.ID, version uint64, seen, expires time.Time) error {
	return s.any().Touch(ctx, id, version, seen, expires)
}

func (s anyOf) Delete(ctx context.Context, id store.ID) error {
	return s.any().Delete(ctx, id)
}
