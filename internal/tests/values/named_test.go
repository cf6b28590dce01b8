package values

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"math"
	"math/big"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

type (
	named       bool
	cents       int
	tiny        int8
	short       int16
	medium      int32
	account     int64
	size        uint
	octet       uint8
	port        uint16
	mask        uint32
	serial      uint64
	address     uintptr
	ratio       float32
	degrees     float64
	oauthState  string
	flags       []byte
	stamp       time.Time
	patience    time.Duration
	stampOfOwn  stamp
	secondState oauthState
)

// inTwoRequests runs a step in each of two requests: what the first one stores, the second
// one finds.
func inTwoRequests(t *testing.T, cfg session.Config, put, look func(s *session.Session) error) {
	t.Helper()
	c := probe.New(t, cfg).Client()
	c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return errors.Join(put(s), look(s)) }))
	c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return look(s) }))
}

// isKept sets a value of a named type by Session.Set and by a Key, and finds it as
// the type, as its predeclared one, and by Get.
func isKept[Named, Plain any](t *testing.T, v Named, plain Plain) {
	t.Helper()
	key, same := session.NewKey[Named]("k"), session.NewKey[Plain]("k")
	dynamic := session.NewKey[any]("k")
	look := func(s *session.Session) error {
		if got, ok := key.Get(s); !ok || !alike(got, v) {
			return fmt.Errorf("%T(%q) is read as %q, %v", v, fmt.Sprint(v), fmt.Sprint(got), ok)
		}
		if got, ok := same.Get(s); !ok || !alike(got, plain) {
			return fmt.Errorf("%T(%q) is read as the %T %q, %v", v, fmt.Sprint(v), got, fmt.Sprint(got), ok)
		}
		if got := s.Get("k"); !alike(got, plain) {
			return fmt.Errorf("Get returns the %T %v for %T(%v)", got, got, v, v)
		}
		if got, ok := dynamic.Get(s); !ok || !alike(got, plain) {
			return fmt.Errorf("Key[any] returns the %T %v for %T(%v)", got, got, v, v)
		}
		return nil
	}
	for _, put := range []func(s *session.Session) error{
		func(s *session.Session) error { return s.Set("k", v) },
		func(s *session.Session) error { return key.Set(s, v) },
		func(s *session.Session) error { return dynamic.Set(s, v) },
		func(s *session.Session) error {
			return key.Update(s, func(Named) (Named, error) { return v, nil })
		},
		func(s *session.Session) error { return same.Set(s, plain) },
	} {
		inTwoRequests(t, session.Config{}, put, look)
	}
}

// alike compares values, times by instant and offset.
func alike(a, b any) bool {
	at, bt := reflect.ValueOf(a), reflect.ValueOf(b)
	if clock := reflect.TypeFor[time.Time](); at.Type() == bt.Type() && at.CanConvert(clock) && at.Kind() == reflect.Struct {
		x, y := at.Convert(clock).Interface().(time.Time), bt.Convert(clock).Interface().(time.Time)
		_, xo := x.Zone()
		_, yo := y.Zone()
		return x.Equal(y) && xo == yo
	}
	return reflect.DeepEqual(a, b)
}

func TestNamedTypesAreKeptAsTheirUnderlyingTypes(t *testing.T) {
	isKept(t, named(true), true)
	isKept(t, named(false), false)
	isKept(t, cents(math.MinInt), math.MinInt)
	isKept(t, tiny(-128), int8(-128))
	isKept(t, short(-1<<15), int16(-1<<15))
	isKept(t, medium(-1<<31), int32(-1<<31))
	isKept(t, account(-1<<63), int64(-1<<63))
	isKept(t, size(math.MaxUint), uint(math.MaxUint))
	isKept(t, octet(255), uint8(255))
	isKept(t, port(65535), uint16(65535))
	isKept(t, mask(1<<32-1), uint32(1<<32-1))
	isKept(t, serial(1<<64-1), uint64(1<<64-1))
	isKept(t, address(1), uintptr(1))
	isKept(t, ratio(0.1), float32(0.1))
	isKept(t, ratio(math.Inf(-1)), float32(math.Inf(-1)))
	isKept(t, degrees(math.SmallestNonzeroFloat64), math.SmallestNonzeroFloat64)
	isKept(t, oauthState("a"), "a")
	isKept(t, secondState(""), "")
	isKept(t, flags{0, 255}, []byte{0, 255})
	isKept(t, flags{}, []byte{})
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.FixedZone("", -5*3600-30))
	isKept(t, stamp(at), at)
	isKept(t, stampOfOwn(at), at)
	isKept(t, patience(time.Second), int64(time.Second)) // as for any type over int64
	isKept(t, time.Month(2), 2)
	isKept(t, template.HTML("<b>"), "<b>")
	isKept(t, json.Number("1"), "1")
}

func TestBytesThatAreNoTextSurvive(t *testing.T) {
	const state = "\xff\xfe\x00\x80 is no UTF-8"
	isKept(t, oauthState(state), state)
	isKept(t, secondState(state), state)
	isKept(t, flags(state), []byte(state))
}

// What a nil was is told apart from nothing, and no more.
func TestNilIsAValue(t *testing.T) {
	inTwoRequests(t, session.Config{},
		func(s *session.Session) error {
			return errors.Join(s.Set("nil", nil), s.Set("bytes", []byte(nil)), s.Set("flags", flags(nil)), s.Set("map", map[string]int(nil)), s.Set("pointer", (*notice)(nil)))
		},
		func(s *session.Session) error {
			for key, want := range map[string]any{"nil": json.RawMessage("null"), "bytes": []byte{}, "flags": []byte{}, "map": json.RawMessage("null"), "pointer": json.RawMessage("null")} {
				if got := s.Get(key); !reflect.DeepEqual(got, want) {
					return fmt.Errorf("%s is %#v", key, got)
				}
			}
			if p, ok := session.NewKey[*notice]("pointer").Get(s); p != nil || !ok {
				return fmt.Errorf("the pointer is %v, %v", p, ok)
			}
			return nil
		})
}

// Types that say themselves how they are written.
type (
	color  int    // by value
	weight string // by pointer
	secret []byte // by JSON
	speed  float64
)

func (c color) MarshalText() ([]byte, error) { return []byte([]string{"red", "green"}[c]), nil }

func (c *color) UnmarshalText(text []byte) error {
	*c = map[string]color{"red": 0, "green": 1}[string(text)]
	return nil
}

func (w *weight) MarshalText() ([]byte, error) { return []byte(*w + " kg"), nil }

func (w *weight) UnmarshalText(text []byte) error {
	*w = weight(strings.TrimSuffix(string(text), " kg"))
	return nil
}

func (x secret) MarshalJSON() ([]byte, error) {
	return json.Marshal(base64.URLEncoding.EncodeToString(x))
}

func (x *secret) UnmarshalJSON(data []byte) (err error) {
	*x, err = base64.URLEncoding.DecodeString(strings.Trim(string(data), `"`))
	return err
}

// UnmarshalText reads flags and settings, and leaves writing to others.
func (x *speed) UnmarshalText(text []byte) error { return json.Unmarshal(text, (*float64)(x)) }

// A basket writes itself by its pointer alone.
type basket struct{ items []string }

func (b *basket) MarshalJSON() ([]byte, error)    { return json.Marshal(b.items) }
func (b *basket) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &b.items) }

func survives[T any](t *testing.T, v T, text string) {
	t.Helper()
	key := session.NewKey[T]("k")
	look := func(s *session.Session) error {
		if got, ok := key.Get(s); !ok || !reflect.DeepEqual(got, v) {
			return fmt.Errorf("%T(%v) is read as %v, %v", v, v, got, ok)
		}
		if got := fmt.Sprintf("%s", s.Get("k")); got != text {
			return fmt.Errorf("%T(%v) is stored as %s, want %s", v, v, got, text)
		}
		return nil
	}
	inTwoRequests(t, session.Config{}, func(s *session.Session) error { return s.Set("k", v) }, look)
	inTwoRequests(t, session.Config{}, func(s *session.Session) error { return key.Set(s, v) }, look)
}

func TestATypeThatWritesItselfIsNotWrittenAsItsUnderlyingType(t *testing.T) {
	survives(t, color(1), `"green"`)
	survives(t, weight("3"), `"3 kg"`)
	survives(t, secret("s\xff"), `"c_8="`)
	survives(t, speed(0.5), "%!s(float64=0.5)") // only reads itself
	survives(t, slog.LevelWarn, `"WARN"`)
	survives(t, netip.MustParseAddr("192.0.2.1"), `"192.0.2.1"`)
	survives(t, basket{[]string{"a"}}, `["a"]`)
	survives(t, []basket{{[]string{"a"}}}, `[["a"]]`)
	survives(t, struct{ B basket }{basket{[]string{"a"}}}, `{"B":["a"]}`)
	survives(t, map[color]int{1: 2}, `{"green":2}`)
	survives(t, *big.NewInt(7), `7`)
	survives(t, json.RawMessage(`{"a":1}`), `{"a":1}`)
}

// A deploy may give a type its name, or take it away.
func TestATypeMayGetANameOrLoseIt(t *testing.T) {
	before, after := deployed(t, session.Config{})
	c := before.Client().Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
		return errors.Join(s.Set("state", "s"), s.Set("cents", cents(5)), s.Set("at", time.Unix(1, 0)))
	})).On(after)
	c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
		state, ok1 := session.NewKey[oauthState]("state").Get(s)
		n, ok2 := session.NewKey[account]("cents").Get(s)
		at, ok3 := session.NewKey[stamp]("at").Get(s)
		if !ok1 || !ok2 || !ok3 || state != "s" || n != 5 || time.Time(at).Unix() != 1 {
			return fmt.Errorf("%q, %v, %v", state, n, at)
		}
		return nil
	}))
	if got := after.Heard(); got != "" {
		t.Errorf("the events are %q", got)
	}
}
