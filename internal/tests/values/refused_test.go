package values

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

type (
	shape  interface{ Area() float64 }
	square struct{ Side float64 }

	drawing   struct{ Shapes []shape }
	gallery   struct{ Rooms map[string]*drawing }
	titled    struct{ fmt.Stringer }
	sealedBox struct{ inside int }
	ordinal   int // writes text, and reads none
	grade     int // reads text, and writes none
	hidden    struct{ A int }
	holder    struct{ *hidden }
	tree      struct {
		Left, Right *tree
		Fruit       shape
	}
)

func (s square) Area() float64 { return s.Side * s.Side }

func (o ordinal) MarshalText() ([]byte, error) { return []byte(strings.Repeat("I", int(o))), nil }

func (g *grade) UnmarshalText(text []byte) error { *g = grade(len(text)); return nil }

// isRefused checks that a type is refused wherever a value of it is set, and that
// encoding/json loses the value indeed.
func isRefused[T any](t *testing.T, v T, because string) {
	t.Helper()
	if reflect.TypeFor[T]().Kind() != reflect.Interface {
		dynamicIsRefused(t, v, because)
	}
	key, list := session.NewKey[T]("k"), session.NewKey[[]T]("f")
	staysOut(t, because,
		func(s *session.Session) error { return key.Set(s, v) },
		func(s *session.Session) error { return key.Update(s, func(T) (T, error) { return v, nil }) },
		func(s *session.Session) error {
			return list.Update(s, func(old []T) ([]T, error) { return append(old, v), nil })
		},
	)
	data, err := json.Marshal(v)
	if err != nil {
		t.Errorf("encoding/json does not write a %T: %v", v, err)
	}
	var back T
	if err := json.Unmarshal(data, &back); err == nil && reflect.DeepEqual(back, v) {
		t.Errorf("encoding/json reads the %T that it wrote, %s", v, data)
	}
}

func dynamicIsRefused(t *testing.T, v any, because string) {
	t.Helper()
	dynamic := session.NewKey[any]("k")
	staysOut(t, because,
		func(s *session.Session) error { return s.Set("k", v) },
		func(s *session.Session) error { return dynamic.Set(s, v) },
	)
}

func staysOut(t *testing.T, because string, puts ...func(s *session.Session) error) {
	t.Helper()
	p := probe.New(t, session.Config{})
	for _, put := range puts {
		p.Client().Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := put(s); err == nil || !strings.Contains(err.Error(), because) {
				t.Errorf("the error is %v, want one that says %q", err, because)
			}
			for key := range s.Keys() {
				t.Errorf("%s is set", key)
			}
		})
	}
	if calls := p.Tap.Took(); len(calls) != 0 {
		t.Errorf("the store is asked for %v", calls)
	}
}

func TestWhatCouldNeverBeReadIsRefused(t *testing.T) {
	isRefused[shape](t, square{2}, "interface")
	isRefused[error](t, errors.New("x"), "error is an interface")
	isRefused[fmt.Stringer](t, time.Second, "interface")
	isRefused[json.Marshaler](t, json.RawMessage("1"), "interface")
	isRefused(t, []shape{square{2}}, "interface")
	isRefused(t, []error{errors.New("x")}, "interface")
	isRefused(t, [1]shape{square{2}}, "interface")
	isRefused(t, map[string]shape{"a": square{2}}, "interface")
	isRefused(t, drawing{[]shape{square{2}}}, "field Shapes of values.drawing: values.shape is an interface")
	isRefused(t, &drawing{[]shape{square{2}}}, "interface")
	isRefused(t, gallery{map[string]*drawing{"a": {[]shape{square{2}}}}}, "field Rooms of values.gallery: field Shapes")
	isRefused(t, titled{time.Second}, "interface")
	isRefused(t, tree{Fruit: square{2}}, "field Fruit")
	isRefused(t, sealedBox{1}, "no exported field")
	isRefused(t, &sealedBox{1}, "no exported field")
	isRefused(t, []sealedBox{{1}}, "no exported field")
	isRefused(t, struct {
		A int `json:"-"`
	}{1}, "no exported field")
	isRefused(t, ordinal(2), "MarshalText")
	isRefused(t, map[ordinal]int{2: 1}, "MarshalText")
	isRefused(t, struct{ O ordinal }{2}, "field O")
	isRefused(t, struct{ G grade }{2}, "UnmarshalText")
	isRefused(t, holder{&hidden{1}}, "pointer")
}

type (
	node struct {
		Next  *node
		Value int
	}
	careful struct {
		Shape shape  `json:"-"`
		_     func() // not exported
		Any   any
		List  []any
		Map   map[string]any
		Time  time.Time
		Text  oauthState
		//lint:ignore SA5008 the comma makes a name of it
		Dash int `json:"-,"`
	}
	// A figure knows which type its interface holds.
	figure struct{ shape }
	base   struct{ ID int }
	row    struct {
		base
		Name string
	}
	written string // as text, which is what a string is
)

func (f figure) MarshalJSON() ([]byte, error) { return json.Marshal(f.shape.(square)) }

func (f *figure) UnmarshalJSON(data []byte) error {
	var s square
	err := json.Unmarshal(data, &s)
	f.shape = s
	return err
}

func (w written) MarshalText() ([]byte, error) { return []byte(w), nil }

func TestWhatCanBeReadIsNotRefused(t *testing.T) {
	survives(t, node{&node{nil, 2}, 1}, `{"Next":{"Next":null,"Value":2},"Value":1}`)
	survives(t, careful{Any: "x", List: []any{true, nil}, Map: map[string]any{"a": 1.5}, Text: "s", Dash: 1},
		`{"Any":"x","List":[true,null],"Map":{"a":1.5},"Time":"0001-01-01T00:00:00Z","Text":"s","-":1}`)
	survives(t, figure{square{2}}, `{"Side":2}`)
	survives(t, []figure{{square{2}}}, `[{"Side":2}]`)
	survives(t, row{base{1}, "n"}, `{"ID":1,"Name":"n"}`)
	survives(t, struct{}{}, `{}`)
	survives(t, map[string]struct{}{"a": {}}, `{"a":{}}`)
	survives(t, written("w"), `"w"`)
	survives(t, struct{ W written }{"w"}, `{"W":"w"}`)
	survives(t, map[written]int{"w": 1}, `{"w":1}`)
	survives(t, map[cents]bool{1: true}, `{"1":true}`)
	survives(t, [2]bool{true, false}, `[true,false]`)
}

// A codec of one's own may know how to read what encoding/json does not.
type shapeCodec struct{}

func (shapeCodec) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

func (shapeCodec) Unmarshal(data []byte, v any) error {
	if p, ok := v.(*shape); ok {
		var s square
		err := json.Unmarshal(data, &s)
		*p = s
		return err
	}
	return json.Unmarshal(data, v)
}

func TestACodecOfOnesOwnDecidesWhatItReads(t *testing.T) {
	key := session.NewKey[shape]("k")
	inTwoRequests(t, session.Config{Codec: shapeCodec{}},
		func(s *session.Session) error { return key.Set(s, square{2}) },
		func(s *session.Session) error {
			if got, ok := key.Get(s); !ok || got != (square{2}) {
				return fmt.Errorf("%v, %v", got, ok)
			}
			return nil
		})
}

// What no codec encodes is an error, and changes nothing.
func TestWhatCannotBeEncodedIsRefused(t *testing.T) {
	for _, v := range []any{make(chan int), func() {}, complex(1, 2), map[string]any{"f": func() {}}, []any{make(chan int)}} {
		dynamicIsRefused(t, v, "unsupported type")
	}
}
