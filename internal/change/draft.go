package change

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
)

// A Draft is what a session looks like with its changes: a record as it was
// loaded, and beside it what was put over it. Operations work on a draft, so
// that the same ones can be applied to a newer record when a commit has to merge.
type Draft struct {
	Rec    Record          // as it is stored
	base   envelope.Values // those of Rec
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

// Begin returns the draft of a session that begins, and is stored nowhere.
func Begin(id [sid.IDSize]byte, created envelope.Millis) Draft {
	return Draft{Rec: Record{ID: id, Created: created}}
}

// New returns the draft of a record in which nothing was changed yet.
func New(rec Record) (d Draft, err error) {
	var m envelope.Meta
	err = d.Read(rec, &m)
	return d, err
}

// Read reads a record into the zero draft, and its metadata into the zero Meta,
// which the draft does not keep: few requests ask for them again.
func (d *Draft) Read(rec Record, m *envelope.Meta) (err error) {
	d.Rec = rec
	d.base, err = envelope.Decode(rec.Data, m)
	return err
}

// Reread is Read for a record that was read or encoded before. It returns the
// metadata.
func (d *Draft) Reread(rec Record) (m envelope.Meta) {
	d.Rec = rec
	var raw []byte
	raw, d.base, _ = envelope.Cut(rec.Data)
	m.Decode(raw)
	return m
}

// Meta returns the metadata, to be read only.
func (d *Draft) Meta() *envelope.Meta { return d.MetaIn(new(envelope.Meta)) }

// MetaIn is Meta with room for the result, the zero Meta.
func (d *Draft) MetaIn(room *envelope.Meta) *envelope.Meta {
	if d.edit != nil {
		return &d.edit.meta
	}
	if len(d.Rec.Data) > 0 { // else there is no record yet
		raw, _, _ := envelope.Cut(d.Rec.Data)
		room.Decode(raw) // it was checked when the record was read
	}
	return room
}

// Subject returns whom the session belongs to, as the store has it.
func (d *Draft) Subject() string {
	if d.edit != nil {
		return d.edit.subject
	}
	return d.Rec.Subject
}

// Deadline returns when the session ends however much it is used, 0 for one that was
// never stored and belongs to nobody.
func (d *Draft) Deadline() envelope.Millis {
	if d.edit != nil {
		return d.edit.deadline
	}
	return d.Rec.Deadline
}

// size returns the bytes of all keys and values, as encoded.
func (d *Draft) size() int {
	if d.edit != nil {
		return d.edit.size
	}
	return len(d.base.Raw)
}

// Count returns the number of values.
func (d *Draft) Count() int {
	if d.edit != nil {
		return d.edit.count
	}
	return int(d.base.Count)
}

// change returns the edit, to be written to.
func (d *Draft) change() *edit {
	switch {
	case d.edit == nil:
		e := &edit{subject: d.Rec.Subject, deadline: d.Rec.Deadline, size: len(d.base.Raw), count: d.Count()}
		d.MetaIn(&e.meta)
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

// ChangeMeta returns the metadata, to be written to.
func (d *Draft) ChangeMeta() *envelope.Meta { return &d.change().meta }

// Changed tells whether anything was put over the record, if only to take it back.
func (d *Draft) Changed() bool { return d.edit != nil }

// Drop forgets what was put over the record.
func (d *Draft) Drop() { d.edit, d.shared = nil, false }

// Stored returns the draft of the record alone.
func (d *Draft) Stored() Draft { return Draft{Rec: d.Rec, base: d.base} }

// Share returns a draft that has the same edit, until one of the two changes.
func (d *Draft) Share() Draft {
	d.shared = true
	return *d
}

func (e *edit) find(key string) (int, bool) {
	return slices.BinarySearchFunc(e.over, key, func(c change, key string) int { return cmp.Compare(c.key, key) })
}

// Lookup returns the value of a key, and false where there is none.
func (d *Draft) Lookup(key string) (envelope.Value, bool) {
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
func (d *Draft) set(key string, v envelope.Value, r *Rules) error {
	size, count := d.size()+encodedSize(key, v), d.Count()+1
	if old, ok := d.Lookup(key); ok {
		size, count = size-encodedSize(key, old), d.Count()
	}
	// A session that is over a limit already, which was lowered, may shrink.
	if size > r.MaxSize && size > d.size() {
		return fmt.Errorf("%w: %d bytes with key %q, Config.MaxSize is %d", ErrTooLarge, size, key, r.MaxSize)
	}
	if count > r.MaxValues && count > d.Count() {
		return fmt.Errorf("%w: %d values with key %q, Config.MaxValues is %d", ErrTooLarge, count, key, r.MaxValues)
	}
	e := d.change()
	e.size, e.count = size, count
	e.put(change{key: key, val: v})
	return nil
}

func (d *Draft) delete(key string) {
	if old, ok := d.Lookup(key); ok {
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

func (d *Draft) clear() {
	e := d.change()
	e.cleared, e.over, e.size, e.count = true, e.over[:0], 0, 0
}

// Unchanged tells whether the values and the label of an edit are those of the
// record.
func (d *Draft) Unchanged() bool {
	for i := range d.edit.over {
		c := &d.edit.over[i]
		if was, ok := d.base.Lookup(c.key); ok == c.gone || ok && !was.Equal(c.val) {
			return false
		}
	}
	loaded := Draft{Rec: d.Rec}
	return !d.edit.cleared && loaded.Meta().Label() == d.edit.meta.Label()
}
