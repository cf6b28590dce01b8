package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// casModel is a register that can be compared and swapped.
var casModel = porcupine.Model{
	Init: func() any { return uint64(0) }, // the first version is a swap of 0
	Step: func(state, input, _ any) (bool, any) {
		op := input.(CASOp)
		switch current := state.(uint64); {
		case !op.Swap:
			return op.Version == current, state
		case op.OK:
			return op.Old == current, op.Version
		default:
			return op.Old != current, state
		}
	},
}

// linearizable lets porcupine judge a history.
func linearizable(h CASHistory) bool {
	first := CASOp{Swap: true, Version: h.First, OK: true, Call: -2, Return: -1}
	ops := []porcupine.Operation{{Input: first, Call: int64(first.Call), Return: int64(first.Return)}}
	for _, op := range h.Ops {
		ops = append(ops, porcupine.Operation{ClientId: op.Client, Input: op, Call: int64(op.Call), Return: int64(op.Return)})
	}
	return porcupine.CheckOperations(casModel, ops)
}

func TestRecordCAS(t *testing.T) {
	h, err := RecordCAS(t.Context(), newMapStore(), 8, 50)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(h.Ops), 8*50*2; got != want {
		t.Errorf("%d operations, want %d", got, want)
	}
	if err := h.Check(); err != nil {
		t.Error(err)
	}
	if !linearizable(h) {
		t.Error("porcupine finds the history not linearizable")
	}
}

func TestCASHistoryCheck(t *testing.T) {
	const ms = time.Millisecond
	load := func(version uint64, call, ret time.Duration) CASOp {
		return CASOp{Version: version, OK: true, Call: call * ms, Return: ret * ms}
	}
	swap := func(old, version uint64, call, ret time.Duration) CASOp {
		return CASOp{Swap: true, Old: old, Version: version, OK: true, Call: call * ms, Return: ret * ms}
	}
	lose := func(old, version uint64, call, ret time.Duration) CASOp {
		op := swap(old, version, call, ret)
		op.OK = false
		return op
	}
	for _, c := range []struct {
		name string
		ops  []CASOp
		want string // in the error; "" for none
	}{
		{"nothing", nil, ""},
		{"one after another", []CASOp{load(1, 0, 1), swap(1, 2, 2, 3), load(2, 4, 5), lose(1, 3, 6, 7), swap(2, 4, 8, 9), load(4, 10, 11)}, ""},
		{"a load beside a swap finds the old version", []CASOp{swap(1, 2, 0, 10), load(1, 1, 2)}, ""},
		{"a load beside a swap finds the new version", []CASOp{swap(1, 2, 0, 10), load(2, 1, 2)}, ""},
		{"a swap fails beside the one that wins", []CASOp{swap(1, 2, 0, 10), lose(1, 3, 0, 1)}, ""},
		{"a swap fails over a version to come", []CASOp{swap(1, 2, 5, 6), lose(2, 3, 0, 5)}, ""},
		{"two swaps of one version", []CASOp{swap(1, 2, 0, 1), swap(1, 3, 2, 3)}, "an update was lost"},
		{"two swaps of one version, and the chain goes on", []CASOp{swap(1, 2, 0, 1), swap(2, 3, 2, 3), swap(1, 4, 4, 5)}, "an update was lost"},
		{"a swap of a version that never was", []CASOp{swap(7, 8, 0, 1)}, "an update was lost"},
		{"a load of a version that never was", []CASOp{load(7, 0, 1)}, "no swap that succeeded has written"},
		{"a load of what a failed swap would have put", []CASOp{swap(1, 2, 0, 1), lose(1, 3, 2, 3), load(3, 4, 5)}, "no swap that succeeded has written"},
		{"a stale load", []CASOp{swap(1, 2, 0, 1), load(1, 2, 3)}, "stale"},
		{"a load that runs ahead", []CASOp{load(2, 0, 1), swap(1, 2, 2, 3)}, "ran ahead"},
		{"a load goes back", []CASOp{swap(1, 2, 0, 10), load(2, 1, 2), load(1, 3, 4)}, "stale"},
		{"a chain against time", []CASOp{swap(1, 2, 4, 5), swap(2, 3, 0, 1)}, "came after"},
		{"a swap fails for no reason", []CASOp{lose(1, 2, 0, 1)}, "all the time"},
		{"a swap of the latest version fails", []CASOp{swap(1, 2, 0, 1), lose(2, 3, 2, 3), swap(2, 4, 4, 5)}, "all the time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := CASHistory{First: 1, Ops: c.ops}
			err := h.Check()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
			if got, want := linearizable(h), c.want == ""; got != want {
				t.Errorf("porcupine finds it linearizable: %t, want %t", got, want)
			}
		})
	}
}
