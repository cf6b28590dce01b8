package values

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// readAs sets x in a session, and returns what a Key[T] reads.
func readAs[T any](t *testing.T, x any) (T, bool) {
	t.Helper()
	key := session.NewKey[T]("k")
	s := probe.NewDirect(t, nil, session.Config{}).Load(nil)
	probe.Must(t, s.Set("k", x))
	got, ok := key.Get(s)
	if err := key.Check(s); ok != (err == nil) || err != nil && !errors.Is(err, session.ErrUndecodable) {
		t.Errorf("%T(%v) as %T: Get is %v, and Check says %v", x, x, got, ok, err)
	}
	if !ok && !reflect.ValueOf(&got).Elem().IsZero() {
		t.Errorf("%T(%v) as %T: a part of it is read, %v", x, x, got, got)
	}
	return got, ok
}

func fits[T any](t *testing.T, x any, want T) {
	t.Helper()
	if got, ok := readAs[T](t, x); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%T(%v) as %T: %v, %v, want %v", x, x, want, got, ok, want)
	}
}

func refused[T any](t *testing.T, x any) {
	t.Helper()
	if got, ok := readAs[T](t, x); ok {
		t.Errorf("%T(%v) is read as the %T %v", x, x, got, got)
	}
}

// numbers are at the limits of what the numeric types hold, and beyond.
var numbers = []any{
	0, 7, -1, math.MaxInt, math.MinInt,
	int8(127), int8(-128), int16(128), int16(-129), int16(256), int32(1<<15 - 1), int32(1 << 15), int32(-1<<15 - 1), int32(1 << 16),
	int64(1<<31 - 1), int64(1 << 31), int64(-1<<31 - 1), int64(1 << 32), int64(1<<53 + 1), int64(-1<<53 - 1), int64(1<<24 + 1),
	int64(math.MaxInt64), int64(math.MinInt64), int64(math.MaxInt64 - 1<<10 + 1), int64(math.MinInt64 + 1),
	uint(0), uint(255), uint8(255), uint8(128), uint16(1<<16 - 1), uint16(256), uint32(1<<32 - 1), uint32(1 << 31), uint64(1 << 32),
	uint64(1<<63 - 1), uint64(1 << 63), uint64(math.MaxUint64), uint64(math.MaxUint64 - 1<<11 + 1), uintptr(9), uint64(1<<53 + 1),
	float32(0.5), float32(-1), float32(1 << 24), float32(math.MaxFloat32), float32(math.SmallestNonzeroFloat32),
	0.5, 0.1, -0.5, 127.0, 128.0, 255.0, 256.0, -1.0, 1e300, -1e300, 1 << 53, float64(1 << 63), float64(-1 << 63), float64(1<<63 - 1<<10),
	float64(-1<<63 - 1<<11), float64(1 << 64), float64(1<<64 - 1<<11), math.MaxFloat64, math.SmallestNonzeroFloat64, math.MaxFloat32, math.MaxFloat32 * 2,
	math.Inf(1), math.Inf(-1), float32(math.Inf(1)), time.Second, -time.Second, time.Duration(math.MaxInt64),
}

// TestNumbersConvertExactlyWhereTheyFit compares with arithmetic that has no
// limits: a number is read as another type if that holds just this number.
func TestNumbersConvertExactlyWhereTheyFit(t *testing.T) {
	for _, x := range numbers {
		convertsTo[int](t, x)
		convertsTo[int8](t, x)
		convertsTo[int16](t, x)
		convertsTo[int32](t, x)
		convertsTo[int64](t, x)
		convertsTo[uint](t, x)
		convertsTo[uint8](t, x)
		convertsTo[uint16](t, x)
		convertsTo[uint32](t, x)
		convertsTo[uint64](t, x)
		convertsTo[uintptr](t, x)
		convertsTo[float32](t, x)
		convertsTo[float64](t, x)
		convertsTo[time.Duration](t, x)
		convertsTo[cents](t, x)
		convertsTo[tiny](t, x)
		convertsTo[serial](t, x)
		convertsTo[ratio](t, x)
		refused[string](t, x)
		refused[bool](t, x)
		refused[[]byte](t, x)
		refused[time.Time](t, x)
		refused[notice](t, x)
		refused[*int](t, x)
	}
}

func convertsTo[T any](t *testing.T, x any) {
	t.Helper()
	var want T
	dst, exact := reflect.ValueOf(&want).Elem(), exactly(reflect.ValueOf(x))
	fit := false
	switch {
	case dst.CanFloat():
		f, _ := exact.Float64()
		fit = exact.IsInf() || new(big.Float).SetFloat64(f).Cmp(exact) == 0 && (dst.Kind() == reflect.Float64 || float64(float32(f)) == f)
		if dst.Kind() == reflect.Float32 && exact.IsInf() {
			fit = true
		}
		dst.SetFloat(f)
	case exact.IsInf() || !exact.IsInt():
	case dst.CanInt():
		i, _ := exact.Int(nil)
		if fit = i.IsInt64() && !dst.OverflowInt(i.Int64()); fit {
			dst.SetInt(i.Int64())
		}
	default:
		i, _ := exact.Int(nil)
		if fit = i.IsUint64() && !dst.OverflowUint(i.Uint64()); fit {
			dst.SetUint(i.Uint64())
		}
	}
	if got, ok := readAs[T](t, x); ok != fit || fit && !reflect.DeepEqual(got, want) {
		t.Errorf("%T(%v) as %T: %v, %v, want %v, %v", x, x, got, got, ok, want, fit)
	}
}

func exactly(x reflect.Value) *big.Float {
	exact := new(big.Float).SetPrec(2000)
	switch {
	case x.CanInt():
		return exact.SetInt64(x.Int())
	case x.CanUint():
		return exact.SetUint64(x.Uint())
	default:
		return exact.SetFloat64(x.Float())
	}
}

func TestValuesOfOneSortConvert(t *testing.T) {
	fits(t, 7, account(7))
	fits(t, account(7), 7)
	fits(t, float32(0.5), degrees(0.5))
	fits(t, time.Second, int64(1e9))
	fits(t, int64(1e9), time.Second)
	fits(t, "a", oauthState("a"))
	fits(t, oauthState("a"), "a")
	fits(t, oauthState("a"), secondState("a"))
	fits(t, []byte("a"), flags("a"))
	fits(t, true, named(true))
	fits(t, []byte(nil), []byte{})
	fits(t, notice{"a", "b"}, map[string]string{"Kind": "a", "Text": "b"})
	fits(t, map[string]int{"Kind": 1}, struct{ Kind int64 }{1})
	fits[any](t, 7, 7)
	fits[fmt.Stringer](t, time.Second, time.Second) // an interface that what was set has
	fits[*notice](t, nil, nil)
}

func TestValuesOfAnotherSortAreAbsent(t *testing.T) {
	refused[int](t, "7")
	refused[int](t, "")
	refused[int](t, true)
	refused[uint](t, true)
	refused[float64](t, false)
	refused[string](t, []byte("a"))
	refused[string](t, true)
	refused[[]byte](t, "a")
	refused[[]int](t, []byte{1, 2})
	refused[[]octet](t, []byte{1, 2})
	refused[[2]byte](t, []byte{1, 2})
	refused[[]rune](t, "ab")
	refused[[]string](t, "a")
	refused[int](t, time.Unix(0, 0))
	refused[int64](t, time.Unix(0, 0))
	refused[string](t, time.Unix(0, 0))
	refused[struct{}](t, time.Unix(0, 0))
	refused[notice](t, time.Unix(0, 0))
	refused[notice](t, "a")
	refused[notice](t, []int{1})
	refused[notice](t, []notice{})
	refused[map[string]int](t, notice{"a", "b"})
	refused[fmt.Stringer](t, 7)
	refused[fmt.Stringer](t, notice{"a", "b"})
	refused[error](t, time.Second)
}

func TestTimesKeepInstantAndOffset(t *testing.T) {
	for _, want := range []time.Time{
		{},
		time.Unix(0, 1).UTC(),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("X", -5*3600-30)),
		time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("X", 14*3600)),
		time.Now(),
	} {
		if got, ok := readAs[time.Time](t, want); !ok || !alike(got, want) {
			t.Errorf("%v became %v, %v", want, got, ok)
		}
	}
}

func TestNotANumberIsAFloat(t *testing.T) {
	for _, x := range []any{math.NaN(), float32(math.NaN()), ratio(math.NaN())} {
		if f, ok := readAs[float64](t, x); !ok || !math.IsNaN(f) {
			t.Errorf("as a float64 it is %v, %v", f, ok)
		}
		if f, ok := readAs[float32](t, x); !ok || f == f {
			t.Errorf("as a float32 it is %v, %v", f, ok)
		}
		refused[int](t, x)
		refused[uint](t, x)
	}
}
