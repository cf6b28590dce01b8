package session

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
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
