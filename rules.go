package session

import (
	"github.com/b4468f51/session/internal/envelope"
	"time"
)

// rules are the decisions of the program that operations ask for.
type rules struct {
	maxSize    int // bytes of all keys and values, as encoded
	maxValues  int
	maxPending int // operations of a commit

	lifetime    time.Duration // of a session that is signed in
	anonymous   time.Duration // of one that is not
	maxLifetime time.Duration // of one that has its own
	grace       time.Duration // for tokens that were replaced
}

// lifetimeOf returns how long a session may last. A limit that was lowered since
// holds for what was set before, from the next reauthentication on: a deadline
// that is set stays.
func (r *rules) lifetimeOf(meta *envelope.Meta) time.Duration {
	if own := meta.Lifetime.Absolute; own != 0 {
		return min(own, r.maxLifetime)
	}
	if meta.Authenticated == 0 {
		return r.anonymous
	}
	return r.lifetime
}
