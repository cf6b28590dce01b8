package session

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"testing"

	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// What internal/life reports has the names that users know.
func TestTheKindsOfEventsAgree(t *testing.T) {
	public, inLife := stringConsts(t, "event.go"), stringConsts(t, "internal/life/event.go")
	for name, text := range inLife {
		if public["Event"+name] != text {
			t.Errorf("%s is %s in internal/life, and Event%s is %s here", name, text, name, public["Event"+name])
		}
	}
	if len(inLife) == 0 {
		t.Error("internal/life has no kinds")
	}
}

// stringConsts returns the constants of a file that are string literals.
func stringConsts(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	consts := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for i, value := range spec.Values {
				if lit, ok := value.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					consts[spec.Names[i].Name] = lit.Value
				}
			}
		}
		return true
	})
	return consts
}

// Nothing that internal/life tells of an event is left behind.
func TestAnEventOfTheLifeIsToldWhole(t *testing.T) {
	var told Event
	m, err := NewManager(memstore.New(), Config{GCInterval: -1, Observer: func(_ context.Context, e Event) { told = e }})
	if err != nil {
		t.Fatal(err)
	}
	var e life.Event
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i).Addr().Interface().(type) {
		case *string:
			*f = m.host.Scope("x")
		case *store.ID:
			*f = store.ID{1}
		case *error:
			*f = context.Canceled
		default:
			t.Fatalf("%s is of a type that this test does not know: fill it in", v.Type().Field(i).Name)
		}
	}
	m.reportLife(t.Context(), e)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if f := reflect.ValueOf(told).FieldByName(name); !f.IsValid() || f.IsZero() {
			t.Errorf("%s is not told", name)
		}
	}
}
