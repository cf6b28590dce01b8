package session

import (
	"fmt"
	"slices"
)

// addOp returns the pending operations with o added, and those left out that o makes
// pointless. A session that was never stored is fresh: it expects more of them.
func addOp(ops []op, o op, fresh bool, r *rules) ([]op, error) {
	first := 0 // the first operation that o may make pointless
	for i := range ops {
		// What was taken out must have been there: keep what put it there.
		if ops[i].kind == opPop && (o.kind == opClear || ops[i].key == o.key) {
			first = i + 1
		}
	}
	pointless := func(p op) bool {
		return p.kind <= opDelete && (o.kind == opClear || p.key == o.key)
	}
	if o.kind == opSet || o.kind == opDelete || o.kind == opClear {
		if slices.ContainsFunc(ops[first:], pointless) {
			ops = slices.Concat(ops[:first], slices.DeleteFunc(slices.Clone(ops[first:]), pointless))
		}
	}
	if !o.kind.newToken() && len(ops) >= r.maxPending {
		return nil, fmt.Errorf("%w: %d changes are pending, Config.MaxPending is %d: call Save to commit them",
			errTooLarge, len(ops), r.maxPending)
	}
	if ops == nil {
		room := 1 // most requests that change a session change one value
		if fresh {
			room = 4
		}
		ops = make([]op, 0, room)
	}
	return append(ops, o), nil
}

// changesNothing tells that there is no need to keep o.
func (o *op) changesNothing(d *draft, fresh bool) bool {
	switch o.kind {
	case opDelete:
		_, ok := d.lookup(o.key)
		return !ok
	case opClear:
		return fresh && d.count() == 0
	case opRenew:
		return fresh // a new session gets a new token anyway
	}
	return false
}
