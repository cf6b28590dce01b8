package session

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"
)

type (
	userID  int64
	small   int8
	name    string
	point   struct{ X, Y int }
	celsius float32
)

func recode[T any](t *testing.T, x any) (T, error) {
	t.Helper()
	v, err := encodeValue(jsonCodec{}, x)
	if err != nil {
		t.Fatalf("%#v: %v", x, err)
	}
	return decodeAs[T](jsonCodec{}, v)
}

func fits[T any](t *testing.T, x any, want T) {
	t.Helper()
	if got, err := recode[T](t, x); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%T(%v) as %T: %v, %v, want %v", x, x, want, got, err, want)
	}
}

func refused[T any](t *testing.T, x any) {
	t.Helper()
	if got, err := recode[T](t, x); err == nil || !reflect.ValueOf(&got).Elem().IsZero() {
		t.Errorf("%T(%v) as %T: %v, %v, want an error", x, x, got, got, err)
	}
}

func TestValuesConvertWhereTheyFit(t *testing.T) {
	fits(t, 7, 7)
	fits(t, 7, userID(7))
	fits(t, userID(7), 7)
	fits(t, int64(-128), int8(-128))
	fits(t, uint8(255), int16(255))
	fits(t, 7, 7.0)
	fits(t, 7.0, 7)
	fits(t, float32(0.5), 0.5)
	fits(t, 0.5, celsius(0.5))
	fits(t, int64(-1<<63), float64(-1<<63))
	fits(t, float64(-1<<63), int64(-1<<63))
	fits(t, time.Second, int64(1e9))
	fits(t, int64(1e9), time.Second)
	fits(t, "a", name("a"))
	fits(t, name("a"), "a")
	fits(t, []byte("a"), []byte("a"))
	fits(t, []byte(nil), []byte{})
	fits(t, point{1, 2}, point{1, 2})
	fits(t, point{1, 2}, map[string]int{"X": 1, "Y": 2})
	fits(t, []string{"a"}, []string{"a"})
	fits(t, true, true)
	fits[any](t, 7, 7)
	fits[any](t, point{1, 2}, json.RawMessage(`{"X":1,"Y":2}`))
	fits[*point](t, nil, nil)

	refused[int8](t, 128)
	refused[small](t, 128)
	refused[uint](t, -1)
	refused[int](t, uint64(1<<63))
	refused[int](t, 0.5)
	refused[int64](t, float64(1<<63))
	refused[uint64](t, float64(1<<63)*2)
	refused[float64](t, int64(1<<53+1))
	refused[float64](t, int64(math.MaxInt64))
	refused[float64](t, uint64(math.MaxUint64))
	refused[float32](t, 0.1)
	refused[int](t, math.NaN())
	refused[int](t, math.Inf(1))
	refused[string](t, 7)
	refused[int](t, "7")
	refused[bool](t, 1)
	refused[string](t, []byte("a"))
	refused[[]byte](t, "a")
	refused[int](t, time.Unix(0, 0))
	refused[time.Time](t, 7)
	refused[point](t, 7)
	refused[point](t, []int{1})
	refused[map[string]int](t, point{1, 2}.X)
}

func TestValuesThatCannotBeEncoded(t *testing.T) {
	for _, x := range []any{make(chan int), func() {}, complex(1, 2), map[string]any{"f": func() {}}} {
		if _, err := encodeValue(jsonCodec{}, x); err == nil {
			t.Errorf("%T was encoded", x)
		}
	}
}

func TestTimesKeepInstantAndOffset(t *testing.T) {
	for _, want := range []time.Time{
		{},
		time.Unix(0, 1).UTC(),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("X", -5*3600-30)),
		time.Now(),
	} {
		got, err := recode[time.Time](t, want)
		_, offset := got.Zone()
		if _, o := want.Zone(); err != nil || !got.Equal(want) || offset != o {
			t.Errorf("%v became %v, %v", want, got, err)
		}
	}
}

func TestGarbageIsNoValue(t *testing.T) {
	for k := range kind(255) {
		for _, data := range [][]byte{nil, {255}, {1, 2}, make([]byte, 4), make([]byte, 8), make([]byte, 15)} {
			v := value{k, data}
			x, err := v.decode()
			if k > kindDuration && err == nil {
				t.Errorf("kind %d of the future decodes to %v", k, x)
			}
			decodeAs[int](jsonCodec{}, v) // must not panic
			decodeAs[string](jsonCodec{}, v)
		}
	}
}

// TestKeysEncodeAsSetDoes: what has a shorter way takes it to the same place.
func TestKeysEncodeAsSetDoes(t *testing.T) {
	encodesAlike(t, "text")
	encodesAlike(t, "")
	encodesAlike(t, -7)
	encodesAlike(t, int64(math.MinInt64))
	encodesAlike(t, time.Date(2026, 2, 3, 4, 5, 6, 7, time.FixedZone("", -3600)))
	encodesAlike(t, int8(1))
	encodesAlike(t, userID(1))
	encodesAlike(t, point{1, 2})
	encodesAlike[any](t, 7)
}

func encodesAlike[T any](t *testing.T, x T) {
	t.Helper()
	want, err := encodeValue(jsonCodec{}, x)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := encodeAs(jsonCodec{}, x); err != nil || !got.equal(want) {
		t.Errorf("%T(%v): %v, %v, want %v", x, x, got, err, want)
	}
}
