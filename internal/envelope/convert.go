package envelope

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"time"
)

// DecodeAs decodes v into a T. Numbers convert between kinds where they fit
// without loss; everything else must have been set as a T, or as something
// that the codec reads as one.
func DecodeAs[T any](c codec, v Value) (T, error) {
	if t, ok := decodeExact[T](v); ok {
		return t, nil
	}
	return decodeOther[T](c, v)
}

// decodeExact decodes what is common and was set as a T: without reflection,
// and without an allocation but for a string's.
func decodeExact[T any](v Value) (t T, ok bool) {
	switch p := any(&t).(type) {
	case *string:
		if ok = v.kind == kindString; ok {
			*p = string(v.Data)
		}
	case *int64:
		if v.kind == kindInt64 {
			*p, ok = oneVarint(v.Data)
		}
	case *int:
		if v.kind == kindInt {
			var i int64
			i, ok = oneVarint(v.Data)
			*p = int(i)
			ok = ok && int64(*p) == i // an int may have 32 bits here, and 64 where it was set
		}
	case *bool:
		*p, ok = v.kind == kindTrue, v.kind == kindTrue || v.kind == kindFalse
	case *time.Time:
		if v.kind == kindTime {
			*p, ok = readTime(v.Data)
		}
	}
	return t, ok
}

// decodeOther is DecodeAs for everything else.
func decodeOther[T any](c codec, v Value) (t T, err error) {
	dst := reflect.ValueOf(&t).Elem()
	if dst.Kind() == reflect.Interface && (v.kind != kindCodec || dst.NumMethod() == 0) {
		x, err := v.Decode()
		if err != nil {
			return t, err
		}
		if same, ok := x.(T); ok {
			return same, nil
		}
		return t, fmt.Errorf("it is of type %T, wanted is %v", x, dst.Type())
	}
	if v.kind == kindCodec {
		// The codec may decode in place, and so may a type's own UnmarshalJSON:
		// the bytes are those of the store.
		if err := c.Unmarshal(bytes.Clone(v.Data), &t); err != nil {
			var zero T // a codec may have filled in a part
			return zero, err
		}
		return t, nil
	}
	if v.convert(dst) {
		return t, nil
	}
	x, err := v.Decode()
	if err == nil {
		err = fmt.Errorf("it is of type %T, wanted is %v", x, dst.Type())
	}
	return t, err
}

// convert sets dst, which is zero, if v is of the same sort and fits.
func (v Value) convert(dst reflect.Value) bool {
	switch k := dst.Kind(); v.kind {
	case kindFalse, kindTrue:
		if k != reflect.Bool {
			return false
		}
		dst.SetBool(v.kind == kindTrue)
		return true
	case kindString:
		if k != reflect.String {
			return false
		}
		dst.SetString(string(v.Data))
		return true
	case kindBytes:
		if k != reflect.Slice || dst.Type().Elem() != byteType {
			return false
		}
		dst.SetBytes(append([]byte{}, v.Data...))
		return true
	case kindTime:
		t, ok := readTime(v.Data)
		if ok = ok && k == reflect.Struct && timeType.ConvertibleTo(dst.Type()); ok {
			dst.Set(reflect.ValueOf(t).Convert(dst.Type()))
		}
		return ok
	}
	return v.convertNumber(dst)
}

// convertNumber is convert for the numeric kinds.
func (v Value) convertNumber(dst reflect.Value) bool {
	i, u, f, ok := v.number()
	if !ok {
		return false
	}
	isUint := v.kind >= kindUint && v.kind <= kindUintptr
	isFloat := v.kind == kindFloat32 || v.kind == kindFloat64
	switch {
	case dst.CanInt():
		switch {
		case isUint && u <= math.MaxInt64:
			i = int64(u)
		// The bounds are exact in a float64: -2^63 fits, 2^63 does not.
		case isFloat && f == math.Trunc(f) && f >= -1<<63 && f < 1<<63:
			i = int64(f)
		case isUint, isFloat:
			return false
		}
		if dst.OverflowInt(i) {
			return false
		}
		dst.SetInt(i)
		return true
	case dst.CanUint():
		switch {
		case isFloat && f == math.Trunc(f) && f >= 0 && f < 1<<64:
			u = uint64(f)
		case isFloat, !isUint && i < 0:
			return false
		case !isUint:
			u = uint64(i)
		}
		if dst.OverflowUint(u) {
			return false
		}
		dst.SetUint(u)
		return true
	case dst.CanFloat():
		switch {
		case isUint:
			if f = float64(u); f >= 1<<64 || uint64(f) != u {
				return false
			}
		case !isFloat:
			if f = float64(i); f >= 1<<63 || int64(f) != i {
				return false
			}
		}
		if dst.OverflowFloat(f) || dst.Kind() == reflect.Float32 && !math.IsNaN(f) && float64(float32(f)) != f {
			return false
		}
		dst.SetFloat(f)
		return true
	}
	return false
}
