package envelope

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"sync"
	"time"
)

// A typeInfo says how values of a type are kept that is not predeclared.
type typeInfo struct {
	// kind is that of the values, kindTrue for either bool. It is kindCodec where
	// the codec has them.
	kind kind

	// unreadable says why encoding/json never reads what it writes of the type.
	unreadable error
}

// typeInfos has what is known of the types that were met: it takes long to find out.
var typeInfos sync.Map // of reflect.Type to *typeInfo

func typeInfoOf(t reflect.Type) *typeInfo {
	if info, ok := typeInfos.Load(t); ok {
		return info.(*typeInfo)
	}
	info := &typeInfo{kind: kindOf(t)}
	if info.kind == kindCodec {
		if err := unreadable(t, nil, false); err != nil {
			info.unreadable = fmt.Errorf("encoding/json writes a %v and never reads it back: %w", t, err)
		}
	}
	typeInfos.Store(t, info)
	return info
}

var (
	byteType = reflect.TypeFor[byte]()
	timeType = reflect.TypeFor[time.Time]()
)

// kindOf returns the kind that the values of a named type share with those of its
// underlying type. One that says itself how it is written goes to the codec.
func kindOf(t reflect.Type) kind {
	if has(t, jsonMarshalerType) || has(t, textMarshalerType) {
		return kindCodec
	}
	switch k := t.Kind(); {
	case k == reflect.Bool:
		return kindTrue
	case k >= reflect.Int && k <= reflect.Float64:
		return kindInt + kind(k-reflect.Int) // both have the same order
	case k == reflect.String:
		return kindString
	case k == reflect.Slice && t.Elem() == byteType:
		return kindBytes
	case k == reflect.Struct && t.ConvertibleTo(timeType):
		return kindTime
	}
	return kindCodec
}

// encodeNamed encodes a value of a type that is not predeclared.
func encodeNamed(c codec, v any) (Value, error) {
	x := reflect.ValueOf(v)
	switch k := typeInfoOf(x.Type()).kind; k {
	case kindCodec:
		data, err := c.Marshal(v)
		return Value{kindCodec, data}, err
	case kindTrue:
		if !x.Bool() {
			k = kindFalse
		}
		return Value{kind: k}, nil
	case kindString:
		return Value{k, []byte(x.String())}, nil
	case kindBytes:
		return Value{k, append([]byte(nil), x.Bytes()...)}, nil
	case kindTime:
		return Value{k, appendTime(nil, x.Convert(timeType).Interface().(time.Time))}, nil
	case kindFloat32:
		return Value{k, binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(x.Float())))}, nil
	case kindFloat64:
		return Value{k, binary.LittleEndian.AppendUint64(nil, math.Float64bits(x.Float()))}, nil
	case kindInt, kindInt8, kindInt16, kindInt32, kindInt64:
		return signed(k, x.Int()), nil
	default:
		return unsigned(k, x.Uint()), nil
	}
}
