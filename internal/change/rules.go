package change

import (
	"time"

	"github.com/b4468f51/session/internal/envelope"
)

// Rules are the decisions of the program that operations ask for.
type Rules struct {
	MaxSize    int // bytes of all keys and values, as encoded
	MaxValues  int
	MaxPending int // operations of a commit

	Lifetime    time.Duration // of a session that is signed in
	Anonymous   time.Duration // of one that is not
	MaxLifetime time.Duration // of one that has its own
	Grace       time.Duration // for tokens that were replaced

	Touch   time.Duration // between two writes of use alone, at least
	Idle    time.Duration // from use to the end, where the session has no lifetime of its own
	MaxIdle time.Duration // the same, at most
}

// LifetimeOf returns how long a session may last. A limit that was lowered since
// holds for what was set before, from the next reauthentication on: a deadline
// that is set stays.
func (r *Rules) LifetimeOf(meta *envelope.Meta) time.Duration {
	if own := meta.Lifetime.Absolute; own != 0 {
		return min(own, r.MaxLifetime)
	}
	if meta.Authenticated == 0 {
		return r.Anonymous
	}
	return r.Lifetime
}
