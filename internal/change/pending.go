package change

import (
	"fmt"
	"slices"
)

// Add returns the pending operations with o added, and those left out that o makes
// pointless. A session that was never stored is fresh: it expects more of them.
func Add(ops []Op, o Op, fresh bool, r *Rules) ([]Op, error) {
	first := 0 // the first operation that o may make pointless
	for i := range ops {
		// What was taken out must have been there: keep what put it there.
		if ops[i].Kind == Pop && (o.Kind == Clear || ops[i].Key == o.Key) {
			first = i + 1
		}
	}
	pointless := func(p Op) bool {
		return p.Kind <= Delete && (o.Kind == Clear || p.Key == o.Key)
	}
	if o.Kind == Set || o.Kind == Delete || o.Kind == Clear {
		if slices.ContainsFunc(ops[first:], pointless) {
			ops = slices.Concat(ops[:first], slices.DeleteFunc(slices.Clone(ops[first:]), pointless))
		}
	}
	if !o.Kind.NewToken() && len(ops) >= r.MaxPending {
		return nil, fmt.Errorf("%w: %d changes are pending, Config.MaxPending is %d: call Save to commit them",
			ErrTooLarge, len(ops), r.MaxPending)
	}
	if ops == nil {
		room := 1 // most requests that change a session change one value
		if fresh {
			room = 4
		}
		ops = make([]Op, 0, room)
	}
	return append(ops, o), nil
}

// ChangesNothing tells that there is no need to keep o.
func (o *Op) ChangesNothing(d *Draft, fresh bool) bool {
	switch o.Kind {
	case Delete:
		_, ok := d.Lookup(o.Key)
		return !ok
	case Clear:
		return fresh && d.Count() == 0
	case Renew:
		return fresh // a new session gets a new token anyway
	}
	return false
}
