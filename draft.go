package session

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"github.com/b4468f51/session/internal/envelope"
	"slices"
)

// A draft is what a session looks like with its changes: a record as it was
// loaded, and beside it what was put over it. Operations work on a draft, so
// that the same ones can be applied to a newer record when a commit has to merge.
type draft struct {
	rec    saved           // as it is stored
	base   envelope.Values // those of rec
	edit   *edit           // what is to be different; nil while nothing is
	shared bool            // edit belongs to another draft as well: clone before writing
}

// An edit is what differs from a record, and all that can.
type edit struct {
	meta     envelope.Meta
	subject  string
	deadline envelope.Millis
	cleared  bool      // nothing of base shows any more
	over     []change  // what was set or deleted since, ascending by key
	size     int       // bytes of all keys and values, as encoded
	count    int       // values
	room     [3]change // for the first of over
}

// A change is a key that was set, or deleted.
type change struct {
	key  string
	val  envelope.Value
	gone bool
}

// newDraft reads a record.
func newDraft(rec saved) (d draft, err error) {
	var m envelope.Meta
	err = d.read(rec, &m)
	return d, err
}

// read reads a record into the zero draft, and its metadata into the zero meta,
// which the draft does not keep: few requests ask for them again.
func (d *draft) read(rec saved, m *envelope.Meta) (err error) {
	d.rec = rec
	d.base, err = envelope.Decode(rec.data, m)
	return err
}

// reread is read for a record that was read or encoded before. It returns the
// metadata.
func (d *draft) reread(rec saved) (m envelope.Meta) {
	d.rec = rec
	var raw []byte
	raw, d.base, _ = envelope.Cut(rec.data)
	m.Decode(raw)
	return m
}

// meta returns the metadata, to be read only.
func (d *draft) meta() *envelope.Meta { return d.metaIn(new(envelope.Meta)) }

// metaIn is meta with room for the result, the zero meta.
func (d *draft) metaIn(room *envelope.Meta) *envelope.Meta {
	if d.edit != nil {
		return &d.edit.meta
	}
	if len(d.rec.data) > 0 { // else there is no record yet
		raw, _, _ := envelope.Cut(d.rec.data)
		room.Decode(raw) // it was checked when the record was read
	}
	return room
}

func (d *draft) subject() string {
	if d.edit != nil {
		return d.edit.subject
	}
	return d.rec.subject
}

func (d *draft) deadline() envelope.Millis {
	if d.edit != nil {
		return d.edit.deadline
	}
	return d.rec.deadline
}

// size returns the bytes of all keys and values, as encoded.
func (d *draft) size() int {
	if d.edit != nil {
		return d.edit.size
	}
	return len(d.base.Raw)
}

// count returns the number of values.
func (d *draft) count() int {
	if d.edit != nil {
		return d.edit.count
	}
	return int(d.base.Count)
}

// change returns the edit, to be written to.
func (d *draft) change() *edit {
	switch {
	case d.edit == nil:
		e := &edit{subject: d.rec.subject, deadline: d.rec.deadline, size: len(d.base.Raw), count: d.count()}
		d.metaIn(&e.meta)
		e.over = e.room[:0]
		d.edit = e
	case d.shared:
		own := *d.edit
		own.over = append(own.room[:0], own.over...)
		d.edit = &own
	}
	d.shared = false
	return d.edit
}

// share returns a draft that has the same edit, until one of the two changes.
func (d *draft) share() draft {
	d.shared = true
	return *d
}

func (e *edit) find(key string) (int, bool) {
	return slices.BinarySearchFunc(e.over, key, func(c change, key string) int { return cmp.Compare(c.key, key) })
}

func (d *draft) lookup(key string) (envelope.Value, bool) {
	if e := d.edit; e != nil {
		if i, ok := e.find(key); ok {
			return e.over[i].val, !e.over[i].gone
		}
		if e.cleared {
			return envelope.Value{}, false
		}
	}
	return d.base.Lookup(key)
}

// set puts a value, unless the session would grow over a limit.
func (d *draft) set(key string, v envelope.Value, r *rules) error {
	size, count := d.size()+encodedSize(key, v), d.count()+1
	if old, ok := d.lookup(key); ok {
		size, count = size-encodedSize(key, old), d.count()
	}
	// A session that is over a limit already, which was lowered, may shrink.
	if size > r.maxSize && size > d.size() {
		return fmt.Errorf("%w: %d bytes with key %q, Config.MaxSize is %d", errTooLarge, size, key, r.maxSize)
	}
	if count > r.maxValues && count > d.count() {
		return fmt.Errorf("%w: %d values with key %q, Config.MaxValues is %d", errTooLarge, count, key, r.maxValues)
	}
	e := d.change()
	e.size, e.count = size, count
	e.put(change{key: key, val: v})
	return nil
}

func (d *draft) delete(key string) {
	if old, ok := d.lookup(key); ok {
		e := d.change()
		e.size -= encodedSize(key, old)
		e.count--
		e.put(change{key: key, gone: true})
	}
}

func (e *edit) put(c change) {
	i, ok := e.find(c.key)
	if !ok {
		e.over = slices.Insert(e.over, i, c)
	}
	e.over[i] = c
}

func (d *draft) clear() {
	e := d.change()
	e.cleared, e.over, e.size, e.count = true, e.over[:0], 0, 0
}

// login binds the session to the subject of a login, or of a reauthentication.
func (d *draft) login(o *op, r *rules) {
	e := d.change()
	e.meta.Authenticated, e.meta.Level = o.at.UnixMilli(), o.level
	e.subject, e.deadline = o.subject, envelope.MillisOf(o.at).Add(r.lifetimeOf(&e.meta))
	e.meta.Kill(o.hash, o.at, r.grace)
}

// unchanged tells whether the values and the label of an edit are those of the
// record.
func (d *draft) unchanged() bool {
	for i := range d.edit.over {
		c := &d.edit.over[i]
		if was, ok := d.base.Lookup(c.key); ok == c.gone || ok && !was.Equal(c.val) {
			return false
		}
	}
	loaded := draft{rec: d.rec}
	return !d.edit.cleared && loaded.meta().Label() == d.edit.meta.Label()
}

// setLifetime applies a SetLifetime.
func (d *draft) setLifetime(o *op, r *rules) error {
	meta := *d.meta()
	begun := d.rec.created
	if meta.Authenticated != 0 {
		begun = envelope.Millis(meta.Authenticated)
	}
	meta.Lifetime, meta.OwnLifetime = o.lifetime, true
	deadline := begun.Add(r.lifetimeOf(&meta))
	if deadline <= envelope.MillisOf(o.at) { // before anything is changed: what is refused leaves no trace
		return fmt.Errorf("session: a lifetime that was over at %v", deadline.Time())
	}
	meta.Offer(o.hash, o.at, r.grace)
	e := d.change()
	e.meta, e.deadline = meta, deadline
	return nil
}

// belongsToAnother tells whether a Login of this subject begins another session.
func (d *draft) belongsToAnother(subject string) bool {
	now := d.subject()
	return now != "" && now != subject
}

// inherit gives a draft in which nothing was changed the values of a stored
// session if that has this subject.
func (d *draft) inherit(from *draft, subject string) {
	if from.rec.subject == subject {
		d.base = from.base
	}
}

// merge calls, in ascending order of keys, kept for each value of the record
// that still shows, with its encoding, and put for each that was put over it.
func (d *draft) merge(kept func(key, encoding []byte), put func(c *change)) {
	base, over := d.base, []change(nil)
	if e := d.edit; e != nil {
		if over = e.over; e.cleared {
			base = envelope.Values{}
		}
	}
	for base.Count > 0 {
		key, _, rest := base.Cut()
		for len(over) > 0 && over[0].key < string(key) {
			if !over[0].gone {
				put(&over[0])
			}
			over = over[1:]
		}
		if len(over) == 0 || over[0].key != string(key) {
			kept(key, base.Raw[:len(base.Raw)-len(rest.Raw)])
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
	keys := make([]string, 0, d.count())
	d.merge(
		func(key, _ []byte) { keys = append(keys, string(key)) },
		func(c *change) { keys = append(keys, c.key) },
	)
	return keys
}

// encode returns the data of the record with these changes, and with other metadata.
func (d *draft) encode(m *envelope.Meta) []byte {
	data := make([]byte, 0, d.size()+m.MaxSize())
	data = envelope.AppendHead(data, m, d.count())
	d.merge(
		func(_, encoding []byte) { data = append(data, encoding...) },
		func(c *change) { data = envelope.AppendValue(data, c.key, c.val) },
	)
	return data
}

func encodedSize(key string, v envelope.Value) int {
	return uvarintLen(len(key)) + len(key) + 1 + uvarintLen(len(v.Data)) + len(v.Data)
}

func uvarintLen(n int) int {
	var buf [binary.MaxVarintLen64]byte
	return binary.PutUvarint(buf[:], uint64(n))
}
