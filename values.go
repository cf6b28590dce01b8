package session

// values is the last part of an envelope, from the first key on. It was
// checked when it was decoded, so its methods read without checking again.
type values struct {
	raw   []byte
	count int
}

// valid tells whether the values can be read to their end, and their keys
// ascend, so that none stands there twice.
func (v values) valid() bool {
	raw := v.raw
	var last []byte
	at := 0
	for i := range v.count {
		from, end := cutAt(raw, at)
		if end < 0 || end >= len(raw) {
			return false
		}
		key := raw[from:end]
		if i > 0 && string(key) <= string(last) {
			return false
		}
		last = key
		if _, at = cutAt(raw, end+1); at < 0 {
			return false
		}
	}
	return at == len(raw)
}

// cut splits off the first value.
func (v values) cut() (key []byte, val value, rest values) {
	from, kindAt := cutAt(v.raw, 0)
	start, end := cutAt(v.raw, kindAt+1)
	return v.raw[from:kindAt:kindAt], value{kind(v.raw[kindAt]), v.raw[start:end:end]}, values{v.raw[end:], v.count - 1}
}

// lookup finds the value of a key without decoding the others.
func (v values) lookup(want string) (value, bool) {
	at := 0
	for range v.count {
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
