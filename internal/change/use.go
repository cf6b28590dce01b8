package change

import (
	"cmp"

	"github.com/b4468f51/session/internal/envelope"
)

// The times of a session are decided here: which Seen and Expires a write carries, and
// when they have to be written. What counts as use is for the caller to say: a request
// does, unless it is passive.
//
// Use moves Seen to now, and Expires to the idle timeout from now. A write that does
// not count carries the times of the record that it replaces. Those may be older than
// the stored ones, because a touch moves times and no version: the store keeps the
// later ones, see store.Store. So no write brings the end of a session forward.

// Times returns the Seen and Expires that a write carries, of a session with a lifetime of
// its own or none, until a deadline.
func (r *Rules) Times(rec *Record, counts bool, own envelope.Lifetime, now, deadline envelope.Millis) (seen, expires envelope.Millis) {
	if !counts {
		return rec.Seen, rec.Expires
	}
	return now, r.expires(own, now, deadline)
}

// expires returns when a session that is used now ends, unless it is used again.
func (r *Rules) expires(own envelope.Lifetime, now, deadline envelope.Millis) envelope.Millis {
	idle := r.Idle
	if own := cmp.Or(own.Idle, own.Absolute); own != 0 {
		idle = min(own, r.MaxIdle)
	}
	return min(now.Add(idle), deadline)
}

// UseDue tells whether the last use that was written is so long ago that one of now has to
// be written too.
func (r *Rules) UseDue(rec *Record, now envelope.Millis) bool { return now.Sub(rec.Seen) >= r.Touch }

// EndsTooSoon tells whether a session ends before its last use says. A use that was
// written while another request made the lifetime longer has kept the end of before.
func (r *Rules) EndsTooSoon(rec *Record, meta *envelope.Meta) bool {
	return rec.Expires < r.expires(meta.Lifetime, rec.Seen, rec.Deadline)
}
