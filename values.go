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
	var last []byte
	raw := v.raw
	for i := range v.count {
		key, rest, ok := cutBytes(raw)
		if !ok || len(rest) == 0 || i > 0 && string(key) <= string(last) {
			return false
		}
		if _, raw, ok = cutBytes(rest[1:]); !ok {
			return false
		}
		last = key
	}
	return len(raw) == 0
}

// cut splits off the first value.
func (v values) cut() (key []byte, val value, rest values) {
	key, raw, _ := cutBytes(v.raw)
	val.kind = kind(raw[0])
	val.data, raw, _ = cutBytes(raw[1:])
	return key, val, values{raw, v.count - 1}
}

// lookup finds the value of a key without decoding the others.
func (v values) lookup(want string) (value, bool) {
	for v.count > 0 {
		var key []byte
		var val value
		key, val, v = v.cut()
		if string(key) >= want {
			return val, string(key) == want
		}
	}
	return value{}, false
}

func appendValue(dst []byte, key string, v value) []byte {
	dst = appendBytes(dst, key)
	dst = append(dst, byte(v.kind))
	return appendBytes(dst, v.data)
}
