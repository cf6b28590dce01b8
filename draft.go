package session

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/b4468f51/session/store"
)

// A draft is what a session looks like with its changes: a record as it was
// loaded, and beside it what was put over it. Operations work on a draft, so
// that the same ones can be applied to a newer record when a commit has to merge.
type draft struct {
	rec      store.Record // as it is stored
	subject  string       // as Login has it, like deadline
	deadline time.Time
	envelope          // of rec; with the metadata as they are to be
	cleared  bool     // nothing of base shows any more
	over     []change // what was set or deleted since, ascending by key
	shared   bool     // over belongs to another draft as well: clone before writing
	size     int      // bytes of all keys and values, as encoded
	count    int      // values
}

// A change is a key that was set, or deleted.
type change struct {
	key  string
	val  value
	gone bool
}

// newDraft reads a record.
func newDraft(rec store.Record) (d draft, err error) {
	err = d.read(rec)
	return d, err
}

// read reads a record into the zero draft.
func (d *draft) read(rec store.Record) error {
	d.rec, d.subject, d.deadline = rec, rec.Subject, rec.Deadline
	if err := d.decode(rec.Data); err != nil {
		return err
	}
	d.size, d.count = len(d.base.raw), d.base.count
	return nil
}

func (d *draft) find(key string) (int, bool) {
	return slices.BinarySearchFunc(d.over, key, func(c change, key string) int { return cmp.Compare(c.key, key) })
}

func (d *draft) lookup(key string) (value, bool) {
	if i, ok := d.find(key); ok {
		return d.over[i].val, !d.over[i].gone
	}
	if d.cleared {
		return value{}, false
	}
	return d.base.lookup(key)
}

// set puts a value, unless the session would grow over a limit.
func (d *draft) set(key string, v value, lim *limits) error {
	size, count := d.size+encodedSize(key, v), d.count+1
	if old, ok := d.lookup(key); ok {
		size, count = size-encodedSize(key, old), d.count
	}
	// A session that is over a limit already, which was lowered, may shrink.
	if size > lim.size && size > d.size {
		return fmt.Errorf("%w: %d bytes with key %q, Config.MaxSize is %d", ErrTooLarge, size, key, lim.size)
	}
	if count > lim.values && count > d.count {
		return fmt.Errorf("%w: %d values with key %q, Config.MaxValues is %d", ErrTooLarge, count, key, lim.values)
	}
	d.size, d.count = size, count
	d.put(change{key: key, val: v})
	return nil
}

func (d *draft) delete(key string) {
	if old, ok := d.lookup(key); ok {
		d.size -= encodedSize(key, old)
		d.count--
		d.put(change{key: key, gone: true})
	}
}

func (d *draft) put(c change) {
	if d.shared {
		d.over, d.shared = slices.Clone(d.over), false
	}
	i, ok := d.find(c.key)
	if d.over == nil {
		d.over = make([]change, 0, 4) // most requests do with a few
	}
	if !ok {
		d.over = slices.Insert(d.over, i, c)
	}
	d.over[i] = c
}

func (d *draft) clear() {
	d.cleared, d.over, d.shared, d.size, d.count = true, nil, false, 0, 0
}

// login binds the session to the subject of a login, or of a reauthentication.
func (d *draft) login(o *op, m *Manager) {
	if d.belongsToAnother(o.subject) {
		d.clear()
	}
	d.meta.authenticated, d.meta.level = o.at.UnixMilli(), o.level
	d.subject, d.deadline = o.subject, o.at.Add(m.lifetime(&d.meta))
	d.meta.kill(o.hash, o.at, m.cfg.Grace)
}

// belongsToAnother tells whether a Login of this subject must find nothing.
func (d *draft) belongsToAnother(subject string) bool {
	return d.subject != "" && d.subject != subject
}

// inherit takes over the values of a stored session if it has this subject.
func (d *draft) inherit(from *draft, subject string) {
	if from.rec.Subject == subject {
		d.base, d.size, d.count = from.base, len(from.base.raw), from.base.count
	}
}

// merge calls, in ascending order of keys, kept for each value of the record
// that still shows, with its encoding, and put for each that was put over it.
func (d *draft) merge(kept func(key, encoding []byte), put func(c *change)) {
	base := d.base
	if d.cleared {
		base = values{}
	}
	over := d.over
	for base.count > 0 {
		key, _, rest := base.cut()
		for len(over) > 0 && over[0].key < string(key) {
			if !over[0].gone {
				put(&over[0])
			}
			over = over[1:]
		}
		if len(over) == 0 || over[0].key != string(key) {
			kept(key, base.raw[:len(base.raw)-len(rest.raw)])
		}
		base = rest
	}
	for i := range over {
		if !over[i].gone {
			put(&over[i])
		}
	}
}

// keys returns the keys in ascending order.
func (d *draft) keys() []string {
	keys := make([]string, 0, d.count)
	d.merge(
		func(key, _ []byte) { keys = append(keys, string(key)) },
		func(c *change) { keys = append(keys, c.key) },
	)
	return keys
}

// encode returns the record with these changes, as version, to replace the one
// that the draft was made of.
func (d *draft) encode(version uint64, seen, expires time.Time) store.Record {
	data := make([]byte, 0, d.size+d.meta.maxSize())
	data = appendHead(data, &d.meta, d.count)
	d.merge(
		func(_, encoding []byte) { data = append(data, encoding...) },
		func(c *change) { data = appendValue(data, c.key, c.val) },
	)
	rec := d.rec
	rec.Version, rec.Seen, rec.Expires, rec.Data = version, seen, expires, data
	rec.Subject, rec.Deadline = d.subject, d.deadline
	return rec
}

func encodedSize(key string, v value) int {
	return uvarintLen(len(key)) + len(key) + 1 + uvarintLen(len(v.data)) + len(v.data)
}

func uvarintLen(n int) int {
	var buf [binary.MaxVarintLen64]byte
	return binary.PutUvarint(buf[:], uint64(n))
}
