package envelope

import "encoding/binary"

// Values is the last part of an envelope, from the first key on. It was
// checked when it was decoded, so its methods read without checking again.
type Values struct {
	Raw   []byte
	Count uint32

	// half is where the values from the middle on stand: half of them need not be
	// looked at to find one. Zero where that is not known.
	half uint32
}

// check returns the values if they can be read to their end, and their keys
// ascend, so that none stands there twice.
func (v Values) check() (Values, bool) {
	raw, at := v.Raw, 0
	var last []byte
	var before uint64
	for i := range v.Count {
		if i == v.Count/2 {
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

// Cut splits off the first value.
func (v Values) Cut() (key []byte, val Value, rest Values) {
	from, kindAt := cutAt(v.Raw, 0)
	start, end := cutAt(v.Raw, kindAt+1)
	return v.Raw[from:kindAt:kindAt], Value{kind(v.Raw[kindAt]), v.Raw[start:end:end]}, Values{Raw: v.Raw[end:], Count: v.Count - 1}
}

// Lookup finds the value of a key without decoding the others.
func (v Values) Lookup(want string) (Value, bool) {
	at, left := 0, v.Count
	if v.half > 0 {
		left = v.Count / 2
		if from, end := cutAt(v.Raw, int(v.half)); string(v.Raw[from:end]) <= want {
			at, left = int(v.half), v.Count-left
		}
	}
	for range left {
		from, kindAt := cutAt(v.Raw, at)
		start, end := cutAt(v.Raw, kindAt+1)
		if kindAt-from == len(want) && string(v.Raw[from:kindAt]) == want {
			return Value{kind(v.Raw[kindAt]), v.Raw[start:end:end]}, true
		}
		at = end
	}
	return Value{}, false
}

// AppendValue writes a value as it stands among the values of an envelope.
func AppendValue(dst []byte, key string, v Value) []byte {
	dst = appendBytes(dst, key)
	dst = append(dst, byte(v.kind))
	return appendBytes(dst, v.Data)
}
