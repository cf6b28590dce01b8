package session

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"time"
)

// decodeAs decodes v into a T. Numbers convert between kinds where they fit
// without loss; everything else must have been set as a T, or as something
// that the codec reads as one.
func decodeAs[T any](c Codec, v value) (T, error) {
	if t, ok := decodeExact[T](v); ok {
		return t, nil
	}
	return decodeOther[T](c, v)
}

// decodeExact decodes what is common and was set as a T: without reflection,
// and without an allocation but for a string's.
func decodeExact[T any](v value) (t T, ok bool) {
	switch p := any(&t).(type) {
	case *string:
		if ok = v.kind == kindString; ok {
			*p = string(v.data)
		}
	case *int64:
		if v.kind == kindInt64 {
			*p, ok = oneVarint(v.data)
		}
	case *int:
		if v.kind == kindInt {
			var i int64
			i, ok = oneVarint(v.data)
			*p = int(i)
			ok = ok && int64(*p) == i // an int may have 32 bits here, and 64 where it was set
		}
	case *bool:
		*p, ok = v.kind == kindTrue, v.kind == kindTrue || v.kind == kindFalse
	case *time.Time:
		if v.kind == kindTime {
			*p, ok = readTime(v.data)
		}
	}
	return t, ok
}

// decodeOther is decodeAs for everything else.
func decodeOther[T any](c Codec, v value) (T, error) {
	var t T
	if p, ok := any(&t).(*any); ok {
		x, err := v.decode()
		*p = x
		return t, err
	}
	if v.kind == kindCodec {
		// The codec may decode in place, and so may a type's own UnmarshalJSON:
		// the bytes are those of the store.
		if err := c.Unmarshal(bytes.Clone(v.data), &t); err != nil {
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
		return t, fmt.Errorf("it is of type %T, wanted is %T", x, t)
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
