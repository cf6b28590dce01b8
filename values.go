package session

import "encoding/binary"

// values is the last part of an envelope, from the first key on. It was
// checked when it was decoded, so its methods read without checking again.
type values struct {
	raw   []byte
	count uint32

	// half is where the values from the middle on stand: half of them need not be
	// looked at to find one. Zero where that is not known.
	half uint32
}

// check returns the values if they can be read to their end, and their keys
// ascend, so that none stands there twice.
func (v values) check() (values, bool) {
	raw, at := v.raw, 0
	var last []byte
	var before uint64
	for i := range v.count {
		if i == v.count/2 {
			v.half = uint32(at)
		}
		from, end := cutAt(raw, at)
		if end < 0 || end >= len(raw) {
			return v, false
		}
		key, now := raw[from:end], firstEight(raw, from, end)
		if now <= before && i > 0 && string(key) <= string(last) {
			return v, false
		}
		last, before = key, now
		if _, at = cutAt(raw, end+1); at < 0 {
			return v, false
		}
	}
	return v, at == len(raw)
}

// firstEight is a number in the order of what stands in raw[from:end], as far as
// eight bytes tell. Most keys differ in them, and numbers compare faster.
func firstEight(raw []byte, from, end int) uint64 {
	if from+8 > len(raw) {
		return 0
	}
	n := binary.BigEndian.Uint64(raw[from:])
	if rest := 8 - (end - from); rest > 0 {
		n = n >> (8 * rest) << (8 * rest)
	}
	return n
}

// cut splits off the first value.
func (v values) cut() (key []byte, val value, rest values) {
	from, kindAt := cutAt(v.raw, 0)
	start, end := cutAt(v.raw, kindAt+1)
	return v.raw[from:kindAt:kindAt], value{kind(v.raw[kindAt]), v.raw[start:end:end]}, values{raw: v.raw[end:], count: v.count - 1}
}

// lookup finds the value of a key without decoding the others.
func (v values) lookup(want string) (value, bool) {
	at, left := 0, v.count
	if v.half > 0 {
		left = v.count / 2
		if from, end := cutAt(v.raw, int(v.half)); string(v.raw[from:end]) <= want {
			at, left = int(v.half), v.count-left
		}
	}
	for range left {
		from, kindAt := cutAt(v.raw, at)
		start, end := cutAt(v.raw, kindAt+1)
		if kindAt-from == len(want) && string(v.raw[from:kindAt]) == want {
			return value{kind(v.raw[kindAt]), v.raw[start:end:end]}, true
		}
		at = end
	}
	return value{}, false
}

func appendValue(dst []byte, key string, v value) []byte {
	dst = appendBytes(dst, key)
	dst = append(dst, byte(v.kind))
	return appendBytes(dst, v.data)
}
