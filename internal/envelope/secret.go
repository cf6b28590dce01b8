package envelope

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/sid"
)

// An otherSecret is one beside the current secret of a session.
type otherSecret struct {
	state secretState
	hash  sid.Hash
	at    int64 // Unix milliseconds: when it was issued (pending), or until when it counts
}

type secretState byte

// The states stand in stored records: they are never changed or used again.
const (
	secretPending  secretState = 1 // issued by a rotation, not seen from the client yet; valid
	secretRetiring secretState = 2 // replaced by a rotation; valid until its time
	secretKilled   secretState = 3 // replaced by Login or Renew; stale until its time, then unknown
)

// maxOthers and maxPending bound what a session keeps of its other secrets: those
// of all the requests that a page makes at once, should each set the lifetime. A
// further pending one is issued only after the last went unconfirmed for the
// grace.
const (
	maxOthers  = 32
	maxPending = 3
)

// A Standing is what a presented secret is to a session.
type Standing int

const (
	Unknown  Standing = iota // it is none of the session's, or not any more
	Current                  // it is the session's
	Pending                  // it was issued, and nobody has presented it so far
	Retiring                 // it was replaced by one that was confirmed, and is good for the rest of the grace
	Stale                    // it was killed, and not long ago
)

// Standing compares a secret with all that the session knows. How long that
// takes depends on their number, not on their bytes.
func (m *Meta) Standing(h sid.Hash, now time.Time) Standing {
	if m.Secret.Verify(h) {
		return Current
	}
	for i := range m.Others {
		o := &m.Others[i]
		if !o.hash.Verify(h) {
			continue
		}
		switch {
		case o.state == secretPending:
			return Pending
		case o.at <= now.UnixMilli():
			return Unknown
		case o.state == secretRetiring:
			return Retiring
		default:
			return Stale
		}
	}
	return Unknown
}

// Kill puts a new secret in the place of every other, at once. A secret that has
// done so does it no second time.
func (m *Meta) Kill(h sid.Hash, now time.Time, grace time.Duration) {
	if m.Secret.Verify(h) {
		return
	}
	until := now.Add(grace).UnixMilli()
	others := slices.DeleteFunc(m.living(now), func(o otherSecret) bool { return o.hash.Verify(h) })
	for i := range others {
		if others[i].state != secretKilled {
			others[i].state, others[i].at = secretKilled, until
		}
	}
	if m.Secret != (sid.Hash{}) {
		others = append(others, otherSecret{secretKilled, m.Secret, until})
	}
	m.Secret, m.Issued = h, now.UnixMilli()
	m.setOthers(others)
	m.setTail(tagBindKey, nil)
	m.Generation++
}

// Confirm makes a pending secret the current one, since the client has shown
// that it holds it. What was valid until now stays so for the grace: requests
// that carry it may be under way.
func (m *Meta) Confirm(h sid.Hash, now time.Time, grace time.Duration) {
	until := now.Add(grace).UnixMilli()
	others := m.living(now)
	i := slices.IndexFunc(others, func(o otherSecret) bool { return o.hash.Verify(h) })
	issued := others[i].at
	others = slices.Delete(others, i, i+1)
	m.setTail(tagBindKey, m.BindBase()) // what was bound before is still good
	for i := range others[:i] {         // those after it are on their way to the client
		if others[i].state == secretPending {
			others[i].state, others[i].at = secretRetiring, until
		}
	}
	others = append(others, otherSecret{secretRetiring, m.Secret, until})
	m.Secret, m.Issued = h, issued
	m.setOthers(others)
}

// RotationDue tells whether it is time to issue another secret: the current
// one is old, and the last that was issued has gone unconfirmed for the grace.
func (m *Meta) RotationDue(now time.Time, every, grace time.Duration) bool {
	if every <= 0 || now.Sub(time.UnixMilli(m.Issued)) < every {
		return false
	}
	for _, o := range m.Others {
		if o.state == secretPending && now.Sub(time.UnixMilli(o.at)) < grace {
			return false
		}
	}
	return true
}

// Issue adds a pending secret. It drops one that was not confirmed within the grace if maxPending
// later ones were issued: a client that was issued a later one has its answer by now.
func (m *Meta) Issue(h sid.Hash, now time.Time, grace time.Duration) {
	others := m.living(now)
	pending := 0
	for i := len(others) - 1; i >= 0; i-- {
		if others[i].state != secretPending {
			continue
		}
		if pending++; pending >= maxPending && now.Sub(time.UnixMilli(others[i].at)) >= grace {
			others = slices.Delete(others, i, i+1)
		}
	}
	m.setOthers(append(others, otherSecret{secretPending, h, now.UnixMilli()}))
}

// Offer issues a pending secret, unless this commit gives the client another token anyway: that
// of a new session, or of a kill by the same secret.
func (m *Meta) Offer(h sid.Hash, now time.Time, grace time.Duration) {
	if m.Secret != (sid.Hash{}) && m.Standing(h, now) == Unknown {
		m.Issue(h, now, grace)
	}
}

// BindBase returns the session's part of the key of a binding. It changes with the secret, but
// not by a rotation.
func (m *Meta) BindBase() []byte {
	if key := m.inTail(tagBindKey); key != nil {
		return key
	}
	sum := sha256.Sum256(append([]byte("session form\x00"), m.Secret[:]...))
	return sum[:]
}

// SetBindKey puts a key in the place of the one that BindBase makes of the secret.
func (m *Meta) SetBindKey(key []byte) { m.setTail(tagBindKey, key) }

// living returns a copy of the other secrets without those whose time is over.
func (m *Meta) living(now time.Time) []otherSecret {
	others := make([]otherSecret, 0, len(m.Others)+1)
	for _, o := range m.Others {
		if o.state == secretPending || o.at > now.UnixMilli() {
			others = append(others, o)
		}
	}
	return others
}

// setOthers keeps the newest maxOthers. Of each one that goes it keeps a short mark, for
// Replaced.
func (m *Meta) setOthers(others []otherSecret) {
	others = others[max(0, len(others)-maxOthers):]
	for _, gone := range m.Others {
		if !m.Secret.Verify(gone.hash) && !slices.ContainsFunc(others, func(o otherSecret) bool { return o.hash.Verify(gone.hash) }) {
			m.markReplaced(gone.hash)
		}
	}
	m.Others = others
}

const (
	markSize    = 8  // bytes of a hash, enough that nobody hits on them by chance
	maxReplaced = 16 // of the latest
)

func (m *Meta) markReplaced(h sid.Hash) {
	var marks []byte
	for mark := range slices.Chunk(m.inTail(tagReplaced), markSize) {
		if !bytes.Equal(mark, h[:markSize]) {
			marks = append(marks, mark...)
		}
	}
	marks = append(marks, h[:markSize]...)
	m.setTail(tagReplaced, marks[max(0, len(marks)-markSize*maxReplaced):])
}

// Replaced tells whether a secret of unknown standing was once the session's, as far
// as that is kept: whoever knows the ID alone can make up any other.
func (m *Meta) Replaced(h sid.Hash) bool {
	known := false
	for i := range m.Others {
		known = known || m.Others[i].hash.Verify(h)
	}
	for mark := range slices.Chunk(m.inTail(tagReplaced), markSize) {
		known = known || subtle.ConstantTimeCompare(mark, h[:markSize]) == 1
	}
	return known
}
