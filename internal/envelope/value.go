package envelope

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
)

// A codec encodes the types that have no form of their own.
type codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// A Value is one encoded value. Its data is never written to.
type Value struct {
	kind kind
	Data []byte
}

// Equal tells whether two values are the same, byte by byte.
func (v Value) Equal(o Value) bool { return v.kind == o.kind && string(v.Data) == string(o.Data) }

// A kind says how a value's data is to be read. The numbers stand in stored
// records: they are never changed or used again. An older program takes a value of a
// new kind for absent: release the program that reads it first.
//
// A new kind goes at the end of the list, into Encode, encodeExact, Decode and decodeExact,
// into kindOf and encodeNamed in kind.go if named types have it too, and into convert.go. A
// test names what is missing. Add a golden file with a value of it, and keep those of before.
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

	numKinds
)

// Encode gives the predeclared types a kind of their own, so that Get
// returns exactly what was set, and everything else to the codec.
func Encode(c codec, v any) (Value, error) {
	switch v := v.(type) {
	case nil: // a value as any other
		data, err := c.Marshal(nil)
		return Value{kindCodec, data}, err
	case bool:
		if v {
			return Value{kind: kindTrue}, nil
		}
		return Value{kind: kindFalse}, nil
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
		return Value{kindFloat32, binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))}, nil
	case float64:
		return Value{kindFloat64, binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))}, nil
	case string:
		return Value{kindString, []byte(v)}, nil
	case []byte:
		return Value{kindBytes, append([]byte(nil), v...)}, nil
	case time.Duration:
		return signed(kindDuration, int64(v)), nil
	case time.Time:
		return Value{kindTime, appendTime(nil, v)}, nil
	}
	return encodeNamed(c, v)
}

// EncodeAs is Encode for a value whose type is known.
func EncodeAs[T any](c codec, v T) (Value, error) {
	if val, ok := encodeExact(&v); ok {
		return val, nil
	}
	// The codec gets what v holds, and cannot see that T may hold other types too.
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Interface {
		if err := typeInfoOf(t).unreadable; err != nil && isJSON(c) {
			return Value{}, err
		}
	}
	return Encode(c, v)
}

// encodeExact encodes what is common, without an allocation for an interface.
func encodeExact[T any](v *T) (Value, bool) {
	switch v := any(v).(type) {
	case *string:
		return Value{kindString, []byte(*v)}, true
	case *int64:
		return signed(kindInt64, *v), true
	case *int:
		return signed(kindInt, int64(*v)), true
	case *time.Time:
		return Value{kindTime, appendTime(nil, *v)}, true
	}
	return Value{}, false
}

func signed(k kind, n int64) Value { return Value{k, binary.AppendVarint(nil, n)} }

func unsigned(k kind, n uint64) Value { return Value{k, binary.AppendUvarint(nil, n)} }

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
func (v Value) number() (i int64, u uint64, f float64, ok bool) {
	n := 0
	switch {
	case v.kind >= kindInt && v.kind <= kindInt64, v.kind == kindDuration:
		i, n = binary.Varint(v.Data)
	case v.kind >= kindUint && v.kind <= kindUintptr:
		u, n = binary.Uvarint(v.Data)
	case v.kind == kindFloat32 && len(v.Data) == 4:
		f, n = float64(math.Float32frombits(binary.LittleEndian.Uint32(v.Data))), 4
	case v.kind == kindFloat64 && len(v.Data) == 8:
		f, n = math.Float64frombits(binary.LittleEndian.Uint64(v.Data)), 8
	}
	return i, u, f, n > 0 && n == len(v.Data)
}

// Decode returns the value with the Go type it was set with. What went through
// the codec comes back as json.RawMessage.
func (v Value) Decode() (any, error) {
	switch v.kind {
	case kindCodec:
		return json.RawMessage(append([]byte(nil), v.Data...)), nil
	case kindFalse:
		return false, nil
	case kindTrue:
		return true, nil
	case kindString:
		return string(v.Data), nil
	case kindBytes:
		return append([]byte{}, v.Data...), nil
	case kindTime:
		if t, ok := readTime(v.Data); ok {
			return t, nil
		}
	}
	i, u, f, ok := v.number()
	if !ok {
		return nil, fmt.Errorf("%d bytes are no value of kind %d", len(v.Data), v.kind)
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
