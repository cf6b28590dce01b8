package change

import (
	"fmt"

	"github.com/b4468f51/session/internal/envelope"
)

// login binds the session to the subject of a login, or of a reauthentication.
func (d *Draft) login(o *Op, r *Rules) {
	e := d.change()
	e.meta.Authenticated, e.meta.Level = o.At.UnixMilli(), o.Level
	e.subject, e.deadline = o.Subject, envelope.MillisOf(o.At).Add(r.LifetimeOf(&e.meta))
	e.meta.Kill(o.Hash, o.At, r.Grace)
}

// setLifetime applies a SetLifetime.
func (d *Draft) setLifetime(o *Op, r *Rules) error {
	meta := *d.Meta()
	begun := d.Rec.Created
	if meta.Authenticated != 0 {
		begun = envelope.Millis(meta.Authenticated)
	}
	meta.Lifetime, meta.OwnLifetime = o.Lifetime, true
	deadline := begun.Add(r.LifetimeOf(&meta))
	if deadline <= envelope.MillisOf(o.At) { // before anything is changed: what is refused leaves no trace
		return fmt.Errorf("session: a lifetime that was over at %v", deadline.Time())
	}
	meta.Offer(o.Hash, o.At, r.Grace)
	e := d.change()
	e.meta, e.deadline = meta, deadline
	return nil
}

// BelongsToAnother tells whether a Login of this subject begins another session.
func (d *Draft) BelongsToAnother(subject string) bool {
	now := d.Subject()
	return now != "" && now != subject
}

// Inherit gives a draft in which nothing was changed the values of a stored
// session if that has this subject.
func (d *Draft) Inherit(from *Draft, subject string) {
	if from.Rec.Subject == subject {
		d.base = from.base
	}
}
