package change

import (
	"encoding/binary"

	"github.com/b4468f51/session/internal/envelope"
)

// merge calls, in ascending order of keys, kept for each value of the record
// that still shows, with its encoding, and put for each that was put over it.
func (d *Draft) merge(kept func(key, encoding []byte), put func(c *change)) {
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

// Keys returns the keys in ascending order.
func (d *Draft) Keys() []string {
	keys := make([]string, 0, d.Count())
	d.merge(
		func(key, _ []byte) { keys = append(keys, string(key)) },
		func(c *change) { keys = append(keys, c.key) },
	)
	return keys
}

// Encode returns the data of the record with these changes, and with other metadata.
func (d *Draft) Encode(m *envelope.Meta) []byte {
	data := make([]byte, 0, d.size()+m.MaxSize())
	data = envelope.AppendHead(data, m, d.Count())
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
