package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/b4468f51/session/store"
)

// A CASHistory is what several clients did to one record at once, by Load and
// Save, and when. [RecordCAS] records one, and [CASHistory.Check] judges it; it
// may also be given to a checker of linearizability, with a register that can
// be compared and swapped as the model.
type CASHistory struct {
	First uint64 // the version that the record was created with
	Ops   []CASOp
}

// A CASOp is one operation of a [CASHistory].
type CASOp struct {
	Client       int           // from 0; a client's operations follow one another
	Swap         bool          // a Save; else a Load
	Old          uint64        // Save: the version to be replaced
	Version      uint64        // Save: the version to replace it; Load: the version found
	OK           bool          // Save: it returned nil, not ErrConflict; Load: true
	Call, Return time.Duration // since the recording began
}

// RecordCAS creates a record and has so many clients at once swap its version,
// so many rounds each: a Load, then a Save over what was found. Its error is
// that of an operation that failed otherwise than with ErrConflict, or that
// returned the data of another version.
func RecordCAS(ctx context.Context, s store.Store, clients, rounds int) (CASHistory, error) {
	r, err := create(ctx, s, nil)
	if err != nil {
		return CASHistory{}, err
	}
	ops := make([][]CASOp, clients)
	errs := make([]error, clients)
	start := time.Now()
	together(clients, func(client int) {
		for round := range rounds {
			op := CASOp{Client: client, OK: true, Call: time.Since(start)}
			found, err := s.Load(ctx, r.ID)
			op.Return = time.Since(start)
			if err != nil {
				errs[client] = in("Load", err)
				return
			}
			if !bytes.Equal(found.Data, dataOf(found.Version)) {
				errs[client] = fmt.Errorf("loaded version %d with data %s", found.Version, brief(found.Data))
				return
			}
			op.Version = found.Version
			ops[client] = append(ops[client], op)

			// In every other round the others get a turn here, or a fast store
			// would hardly ever see two clients replace one version.
			if round%2 == 0 {
				runtime.Gosched()
			}
			n := next(found)
			op = CASOp{Client: client, Swap: true, Old: found.Version, Version: n.Version, Call: time.Since(start)}
			err = s.Save(ctx, n, found.Version)
			op.Return = time.Since(start)
			if err != nil && !errors.Is(err, store.ErrConflict) {
				errs[client] = in("Save", err)
				return
			}
			op.OK = err == nil
			ops[client] = append(ops[client], op)
		}
	})
	h := CASHistory{First: r.Version}
	for _, o := range ops {
		h.Ops = append(h.Ops, o...)
	}
	return h, cmp.Or(errs...)
}

// Check returns an error if no order of the operations that agrees with real
// time explains the history.
//
// Since versions are unique, the swaps that succeeded have to form one chain.
// That, every version that was loaded, and the times are checked exactly. A
// swap that failed is an error where its old version was the current one for
// as long as it ran, whatever the order; a full checker may find more.
func (h CASHistory) Check() error {
	chain, err := h.chain()
	if err != nil {
		return err
	}
	place := map[uint64]int{h.First: 0} // of a version in the chain
	for i, op := range chain {
		place[op.Version] = i + 1
	}
	// Version i came at some moment between earliest[i] and latest[i], and
	// version 0 before everything. The last place stands for a version that
	// never came.
	n := len(chain) + 2
	earliest, latest := make([]time.Duration, n), make([]time.Duration, n)
	for i := range latest {
		latest[i] = math.MaxInt64
	}
	earliest[0], latest[0], earliest[n-1] = math.MinInt64, math.MinInt64, math.MaxInt64
	for i, op := range chain {
		earliest[i+1], latest[i+1] = op.Call, op.Return
	}
	for _, op := range h.Ops {
		if op.Swap {
			continue
		}
		// Who loads a version does so after it came and before the next does.
		i, ok := place[op.Version]
		if !ok {
			return fmt.Errorf("client %d loaded version %d, which no swap that succeeded has written", op.Client, op.Version)
		}
		latest[i] = min(latest[i], op.Return)
		earliest[i+1] = max(earliest[i+1], op.Call)
	}
	for i := 1; i < n; i++ {
		earliest[i] = max(earliest[i], earliest[i-1])
	}
	for i := n - 2; i >= 0; i-- {
		latest[i] = min(latest[i], latest[i+1])
	}
	for i := range n {
		if earliest[i] > latest[i] {
			return fmt.Errorf("version %d came after %v, says who called, and before %v, says who returned: a load was stale, or ran ahead", chain[i-1].Version, earliest[i], latest[i])
		}
	}
	for _, op := range h.Ops {
		if !op.Swap || op.OK {
			continue
		}
		if i, ok := place[op.Old]; ok && latest[i] < op.Call && op.Return < earliest[i+1] {
			return fmt.Errorf("client %d got ErrConflict for version %d, which was the current one all the time", op.Client, op.Old)
		}
	}
	return nil
}

// chain returns the swaps that succeeded, each over the version before.
func (h CASHistory) chain() ([]CASOp, error) {
	over := map[uint64]CASOp{}
	for _, op := range h.Ops {
		if !op.Swap || !op.OK {
			continue
		}
		if first, twice := over[op.Old]; twice {
			return nil, fmt.Errorf("an update was lost: clients %d and %d both replaced version %d", first.Client, op.Client, op.Old)
		}
		over[op.Old] = op
	}
	var chain []CASOp
	for op, ok := over[h.First]; ok && len(chain) < len(over); op, ok = over[op.Version] {
		chain = append(chain, op)
	}
	if len(chain) < len(over) {
		return nil, fmt.Errorf("an update was lost: %d swaps succeeded, and only %d of them follow one another", len(over), len(chain))
	}
	return chain, nil
}
