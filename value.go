package session

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
)

// A Codec turns values into bytes and back, for the types that have no form of
// their own (see [Session.Set]). Its methods may be called by
// several goroutines at once, and must be pure: a commit may run them again.
type Codec interface {
	// Marshal returns bytes that it does not use again.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes what Marshal returned into what v points to. The bytes are
	// its own: it may decode in place, as [crypto/cipher] does, or keep them.
	Unmarshal(data []byte, v any) error
}

// A value is one encoded value. Its data is never written to.
type value struct {
	kind kind
	data []byte
}

func (v value) equal(o value) bool { return v.kind == o.kind && string(v.data) == string(o.data) }

// A kind says how a value's data is to be read. The numbers stand in stored
// records: they are never changed or used again.
type kind byte

const (
	kindCodec kind = iota // whatever the Codec made of it
	kindFalse
	kindTrue
	kindInt // from here to kindInt64 a zigzag varint
	kindInt8
	kindInt16
	kindInt32
	kindInt64
	kindUint // from here to kindUintptr a varint
	kindUint8
	kindUint16
	kindUint32
	kindUint64
	kindUintptr
	kindFloat32 // 4 bytes, little endian
	kindFloat64 // 8 bytes, little endian
	kindString
	kindBytes
	kindTime     // varints: Unix seconds; nanoseconds; seconds east of UTC
	kindDuration // nanoseconds, a zigzag varint
)

// encodeValue gives the predeclared types a kind of their own, so that Get
// returns exactly what was set, and everything else to the codec.
func encodeValue(c Codec, v any) (value, error) {
	switch v := v.(type) {
	case nil: // a value as any other
		data, err := c.Marshal(nil)
		return value{kindCodec, data}, err
	case bool:
		if v {
			return value{kind: kindTrue}, nil
		}
		return value{kind: kindFalse}, nil
	case int:
		return signed(kindInt, int64(v)), nil
	case int8:
		return signed(kindInt8, int64(v)), nil
	case int16:
		return signed(kindInt16, int64(v)), nil
	case int32:
		return signed(kindInt32, int64(v)), nil
	case int64:
		return signed(kindInt64, v), nil
	case uint:
		return unsigned(kindUint, uint64(v)), nil
	case uint8:
		return unsigned(kindUint8, uint64(v)), nil
	case uint16:
		return unsigned(kindUint16, uint64(v)), nil
	case uint32:
		return unsigned(kindUint32, uint64(v)), nil
	case uint64:
		return unsigned(kindUint64, v), nil
	case uintptr:
		return unsigned(kindUintptr, uint64(v)), nil
	case float32:
		return value{kindFloat32, binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))}, nil
	case float64:
		return value{kindFloat64, binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))}, nil
	case string:
		return value{kindString, []byte(v)}, nil
	case []byte:
		return value{kindBytes, append([]byte(nil), v...)}, nil
	case time.Duration:
		return signed(kindDuration, int64(v)), nil
	case time.Time:
		return value{kindTime, appendTime(nil, v)}, nil
	}
	return encodeNamed(c, v)
}

// encodeAs is encodeValue for what has a type.
func encodeAs[T any](c Codec, v T) (value, error) {
	if val, ok := encodeExact(&v); ok {
		return val, nil
	}
	// The codec gets what v holds, and cannot see that T may hold other types too.
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Interface {
		if err := typeInfoOf(t).unreadable; err != nil && isJSON(c) {
			return value{}, err
		}
	}
	return encodeValue(c, v)
}

// encodeExact encodes what is common, without an allocation for an interface.
func encodeExact[T any](v *T) (value, bool) {
	switch v := any(v).(type) {
	case *string:
		return value{kindString, []byte(*v)}, true
	case *int64:
		return signed(kindInt64, *v), true
	case *int:
		return signed(kindInt, int64(*v)), true
	case *time.Time:
		return value{kindTime, appendTime(nil, *v)}, true
	}
	return value{}, false
}

func signed(k kind, n int64) value { return value{k, binary.AppendVarint(nil, n)} }

func unsigned(k kind, n uint64) value { return value{k, binary.AppendUvarint(nil, n)} }

// appendTime is used rather than time.Time.MarshalBinary, which loses the
// seconds of an offset west of UTC.
func appendTime(dst []byte, t time.Time) []byte {
	_, offset := t.Zone()
	dst = slices.Grow(dst, 16)
	dst = binary.AppendVarint(dst, t.Unix())
	dst = binary.AppendUvarint(dst, uint64(t.Nanosecond()))
	return binary.AppendVarint(dst, int64(offset))
}

func readTime(data []byte) (time.Time, bool) {
	sec, n := binary.Varint(data)
	if n <= 0 {
		return time.Time{}, false
	}
	nsec, k := binary.Uvarint(data[n:])
	if k <= 0 || nsec >= 1e9 {
		return time.Time{}, false
	}
	offset, ok := oneVarint(data[n+k:])
	if !ok || offset < -1<<31 || offset >= 1<<31 {
		return time.Time{}, false
	}
	t := time.Unix(sec, int64(nsec)).UTC()
	if offset != 0 {
		t = t.In(time.FixedZone("", int(offset)))
	}
	return t, true
}

// number reads the numeric kinds: exactly one of the three results is meant,
// as the kind says.
func (v value) number() (i int64, u uint64, f float64, ok bool) {
	n := 0
	switch {
	case v.kind >= kindInt && v.kind <= kindInt64, v.kind == kindDuration:
		i, n = binary.Varint(v.data)
	case v.kind >= kindUint && v.kind <= kindUintptr:
		u, n = binary.Uvarint(v.data)
	case v.kind == kindFloat32 && len(v.data) == 4:
		f, n = float64(math.Float32frombits(binary.LittleEndian.Uint32(v.data))), 4
	case v.kind == kindFloat64 && len(v.data) == 8:
		f, n = math.Float64frombits(binary.LittleEndian.Uint64(v.data)), 8
	}
	return i, u, f, n > 0 && n == len(v.data)
}

// decode returns the value with the Go type it was set with. What went through
// the codec comes back as json.RawMessage.
func (v value) decode() (any, error) {
	switch v.kind {
	case kindCodec:
		return json.RawMessage(append([]byte(nil), v.data...)), nil
	case kindFalse:
		return false, nil
	case kindTrue:
		return true, nil
	case kindString:
		return string(v.data), nil
	case kindBytes:
		return append([]byte{}, v.data...), nil
	case kindTime:
		if t, ok := readTime(v.data); ok {
			return t, nil
		}
	}
	i, u, f, ok := v.number()
	if !ok {
		return nil, fmt.Errorf("%d bytes are no value of kind %d", len(v.data), v.kind)
	}
	switch v.kind {
	case kindInt: // set on a machine of 64 bits, it may not fit on one of 32
		if int64(int(i)) == i {
			return int(i), nil
		}
	case kindInt8:
		return int8(i), nil
	case kindInt16:
		return int16(i), nil
	case kindInt32:
		return int32(i), nil
	case kindInt64:
		return i, nil
	case kindUint:
		if uint64(uint(u)) == u {
			return uint(u), nil
		}
	case kindUint8:
		return uint8(u), nil
	case kindUint16:
		return uint16(u), nil
	case kindUint32:
		return uint32(u), nil
	case kindUint64:
		return u, nil
	case kindUintptr:
		if uint64(uintptr(u)) == u {
			return uintptr(u), nil
		}
	case kindFloat32:
		return float32(f), nil
	case kindDuration:
		return time.Duration(i), nil
	case kindFloat64:
		return f, nil
	}
	return nil, fmt.Errorf("a number of kind %d does not fit on this machine", v.kind)
}
