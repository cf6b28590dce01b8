package session

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
)

// A Codec turns values into bytes and back, for the types that have no form of
// their own in the envelope (see [Session.Set]). Its methods may be called by
// several goroutines at once, and must be pure: a commit may run them again.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// jsonCodec is the default Codec, encoding/json.
type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

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
	kindTime     // time.Time.MarshalBinary: instant and offset
	kindDuration // nanoseconds, a zigzag varint
)

// encodeValue gives the predeclared types a kind of their own, so that Get
// returns exactly what was set, and everything else to the codec.
func encodeValue(c Codec, v any) (value, error) {
	switch v := v.(type) {
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
		data, err := v.MarshalBinary()
		return value{kindTime, data}, err
	}
	data, err := c.Marshal(v)
	return value{kindCodec, data}, err
}

func signed(k kind, n int64) value { return value{k, binary.AppendVarint(nil, n)} }

func unsigned(k kind, n uint64) value { return value{k, binary.AppendUvarint(nil, n)} }

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
		var t time.Time
		err := t.UnmarshalBinary(v.data)
		return t, err
	}
	i, u, f, ok := v.number()
	if !ok {
		return nil, fmt.Errorf("session: %d bytes are no value of kind %d", len(v.data), v.kind)
	}
	switch v.kind {
	case kindInt:
		return int(i), nil
	case kindInt8:
		return int8(i), nil
	case kindInt16:
		return int16(i), nil
	case kindInt32:
		return int32(i), nil
	case kindInt64:
		return i, nil
	case kindUint:
		return uint(u), nil
	case kindUint8:
		return uint8(u), nil
	case kindUint16:
		return uint16(u), nil
	case kindUint32:
		return uint32(u), nil
	case kindUint64:
		return u, nil
	case kindUintptr:
		return uintptr(u), nil
	case kindFloat32:
		return float32(f), nil
	case kindDuration:
		return time.Duration(i), nil
	default:
		return f, nil
	}
}

// decodeAs decodes v into a T. Numbers convert between kinds where they fit
// without loss; everything else must have been set as a T, or as something
// that the codec reads as one.
func decodeAs[T any](c Codec, v value) (T, error) {
	var t T
	switch p := any(&t).(type) { // no reflection for what is common
	case *string:
		if v.kind == kindString {
			*p = string(v.data)
			return t, nil
		}
	case *any:
		x, err := v.decode()
		*p = x
		return t, err
	}
	if v.kind == kindCodec {
		if err := c.Unmarshal(v.data, &t); err != nil {
			var zero T // a codec may have filled in a part
			return zero, err
		}
		return t, nil
	}
	x, err := v.decode()
	if err != nil {
		return t, err
	}
	if same, ok := x.(T); ok {
		return same, nil
	}
	if !convert(reflect.ValueOf(&t).Elem(), v, x) {
		return t, fmt.Errorf("session: a %T where a %T is wanted", x, t)
	}
	return t, nil
}

// convert sets dst to x, the decoded v, if it is of the same sort and fits.
func convert(dst reflect.Value, v value, x any) bool {
	src := reflect.ValueOf(x)
	i, u, f, numeric := v.number()
	switch k := dst.Kind(); {
	case !numeric: // string, bool or bytes under another name
		if k != src.Kind() || !src.CanConvert(dst.Type()) || v.kind == kindTime {
			return false
		}
		dst.Set(src.Convert(dst.Type()))
		return true
	case dst.CanInt():
		switch {
		case src.CanUint() && u <= math.MaxInt64:
			i = int64(u)
		// The bounds are exact in a float64: -2^63 fits, 2^63 does not.
		case src.CanFloat() && f == math.Trunc(f) && f >= -1<<63 && f < 1<<63:
			i = int64(f)
		case !src.CanInt():
			return false
		}
		if dst.OverflowInt(i) {
			return false
		}
		dst.SetInt(i)
		return true
	case dst.CanUint():
		switch {
		case src.CanInt() && i >= 0:
			u = uint64(i)
		case src.CanFloat() && f == math.Trunc(f) && f >= 0 && f < 1<<64:
			u = uint64(f)
		case !src.CanUint():
			return false
		}
		if dst.OverflowUint(u) {
			return false
		}
		dst.SetUint(u)
		return true
	case dst.CanFloat():
		switch {
		case src.CanInt():
			if f = float64(i); f >= 1<<63 || int64(f) != i {
				return false
			}
		case src.CanUint():
			if f = float64(u); f >= 1<<64 || uint64(f) != u {
				return false
			}
		}
		if k == reflect.Float32 && !math.IsNaN(f) && float64(float32(f)) != f {
			return false
		}
		dst.SetFloat(f)
		return true
	}
	return false
}
