package envelope

import (
	"fmt"
	"testing"
	"time"
)

// Every kind is written, read as what it was, and read by a key of its type.
func TestEveryKindIsKept(t *testing.T) {
	samples := map[kind]func() error{
		kindFalse: sample(kindFalse, false), kindTrue: sample(kindTrue, true),
		kindInt: sample(kindInt, -1), kindInt8: sample(kindInt8, int8(-2)), kindInt16: sample(kindInt16, int16(-3)),
		kindInt32: sample(kindInt32, int32(-4)), kindInt64: sample(kindInt64, int64(-5)),
		kindUint: sample(kindUint, uint(1)), kindUint8: sample(kindUint8, uint8(2)), kindUint16: sample(kindUint16, uint16(3)),
		kindUint32: sample(kindUint32, uint32(4)), kindUint64: sample(kindUint64, uint64(5)), kindUintptr: sample(kindUintptr, uintptr(6)),
		kindFloat32: sample(kindFloat32, float32(1.5)), kindFloat64: sample(kindFloat64, 2.5),
		kindString: sample(kindString, "s"), kindBytes: sample(kindBytes, []byte("b")),
		kindTime:     sample(kindTime, time.Unix(1, 2).UTC()),
		kindDuration: sample(kindDuration, time.Second),
	}
	for k := kindCodec + 1; k < numKinds; k++ {
		if samples[k] == nil {
			t.Errorf("kind %d has no sample: add one here, and a value to a golden file in testdata", k)
		} else if err := samples[k](); err != nil {
			t.Errorf("kind %d: %v", k, err)
		}
	}
}

func sample[T any](k kind, v T) func() error {
	return func() error {
		kept, err := Encode(JSON{}, v)
		if err != nil || kept.kind != k {
			return fmt.Errorf("Encode makes it kind %d, %v", kept.kind, err)
		}
		if keyed, err := EncodeAs(JSON{}, v); err != nil || !keyed.Equal(kept) {
			return fmt.Errorf("EncodeAs makes it %v, %v; Encode %v", keyed, err, kept)
		}
		x, err := kept.Decode()
		if _, same := x.(T); err != nil || !same || fmt.Sprint(x) != fmt.Sprint(v) {
			return fmt.Errorf("Decode makes it %T %v, %v", x, x, err)
		}
		if typed, err := DecodeAs[T](JSON{}, kept); err != nil || fmt.Sprint(typed) != fmt.Sprint(v) {
			return fmt.Errorf("DecodeAs makes it %v, %v", typed, err)
		}
		return nil
	}
}
