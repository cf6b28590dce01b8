package frameworks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session"
)

// Handlers and frameworks ask a ResponseWriter by type assertion what more it
// can do. This test reads their source for what they ask, so that a new
// version that asks for more is noticed, and compares it with our writer.

// asking are the packages that are read.
var asking = []string{
	"io",
	"net/http",
	"net/http/httputil",
	"github.com/gin-gonic/gin",
	"github.com/labstack/echo/v4",
	"github.com/labstack/echo/v4/middleware",
	"github.com/labstack/echo/v5",
	"github.com/labstack/echo/v5/middleware",
	"github.com/go-chi/chi/v5",
	"github.com/go-chi/chi/v5/middleware",
	"github.com/gorilla/mux",
	"github.com/gorilla/handlers",
	"github.com/felixge/httpsnoop",
	"github.com/gorilla/websocket",
	"github.com/coder/websocket",
	"github.com/klauspost/compress/gzhttp",
}

// notOffered are methods that are asked for, and that our writer rightly lacks.
var notOffered = map[string]string{
	"Unwrap":         "it would let handlers walk around the commit",
	"WriteHeaderNow": "it is asked of gin's own writer",
}

func TestFrameworks_FindWhatTheyAskOfAResponseWriter(t *testing.T) {
	asked := readAsked(t)
	for _, essential := range []string{"Flush", "FlushError", "Hijack", "Push", "CloseNotify", "ReadFrom", "WriteString", "SetReadDeadline", "SetWriteDeadline", "EnableFullDuplex", "Unwrap"} {
		if asked[essential] == nil {
			t.Errorf("nobody asks for %s: the reading of the source has a fault", essential)
		}
	}
	s := newSite(t, session.Config{})
	for _, two := range []bool{false, true} {
		b := browse(t, serve(t, s.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ours := reflect.TypeOf(w)
			for _, name := range slices.Sorted(maps.Keys(asked)) {
				for signature, by := range asked[name] {
					method, has := ours.MethodByName(name)
					if why, never := notOffered[name]; never {
						if has {
							t.Errorf("the writer has %s: %s", name, why)
						}
						continue
					}
					if !has || reflectSignature(method.Type) != signature {
						t.Errorf("%s: %s%s is asked for by %s, and the writer lacks it", r.Proto, name, signature, by)
					}
				}
			}
		})), two))
		b.want("/", 200, "")
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		for signature, by := range asked[name] {
			t.Logf("%s%s: %s", name, signature, strings.Join(slices.Compact(by), ", "))
		}
	}
}

// readAsked returns who asks for a method: by its name and its signature.
func readAsked(t *testing.T) map[string]map[string][]string {
	t.Helper()
	packages := listPackages(t)
	fset := token.NewFileSet()
	compiled := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(packages[path].Export)
	})
	responseWriter := lookUp(t, compiled, "net/http", "ResponseWriter")
	asked := map[string]map[string][]string{}
	for _, path := range asking {
		p := packages[path]
		var files []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
		cfg := types.Config{Importer: vendoring{compiled, p.ImportMap}}
		pkg, err := cfg.Check(path, fset, files, info)
		if err != nil {
			t.Fatal(err)
		}
		rw := responseWriter
		if path == "net/http" { // its types are other ones, read from source
			rw = pkg.Scope().Lookup("ResponseWriter").Type().Underlying().(*types.Interface)
		}
		for _, file := range files {
			for _, wanted := range assertions(path, file, info, rw) {
				for method := range wanted.Methods() {
					if !method.Exported() || slices.Contains([]string{"Header", "Write", "WriteHeader"}, method.Name()) {
						continue // the first kind nobody else can have
					}
					signature := typesSignature(method.Signature())
					if asked[method.Name()] == nil {
						asked[method.Name()] = map[string][]string{}
					}
					asked[method.Name()][signature] = append(asked[method.Name()][signature], path)
				}
			}
		}
	}
	return asked
}

// assertions returns the interfaces that a file asserts a ResponseWriter has.
func assertions(path string, file *ast.File, info *types.Info, rw *types.Interface) (found []*types.Interface) {
	add := func(operand, wanted ast.Expr) {
		x := info.TypeOf(operand) // package io asks any Writer; elsewhere an io.Writer is mostly something else
		if x == nil || !types.IsInterface(x) || !types.Implements(x, rw) && !(path == "io" && types.TypeString(x, nil) == "io.Writer") {
			return
		}
		if i, ok := info.TypeOf(wanted).Underlying().(*types.Interface); ok {
			found = append(found, i)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeAssertExpr:
			if n.Type != nil {
				add(n.X, n.Type)
			}
		case *ast.TypeSwitchStmt:
			var operand ast.Expr
			ast.Inspect(n.Assign, func(n ast.Node) bool {
				if a, ok := n.(*ast.TypeAssertExpr); ok && a.Type == nil {
					operand = a.X
				}
				return true
			})
			for _, clause := range n.Body.List {
				for _, wanted := range clause.(*ast.CaseClause).List {
					add(operand, wanted)
				}
			}
		}
		return true
	})
	return found
}

func lookUp(t *testing.T, from types.Importer, path, name string) *types.Interface {
	t.Helper()
	p, err := from.Import(path)
	if err != nil {
		t.Fatal(err)
	}
	return p.Scope().Lookup(name).Type().Underlying().(*types.Interface)
}

// A listedPackage is what the go command says of a package.
type listedPackage struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	ImportMap               map[string]string // where the standard library vendors
}

func listPackages(t *testing.T) map[string]listedPackage {
	t.Helper()
	var complaints bytes.Buffer
	list := exec.CommandContext(t.Context(), "go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,ImportMap"}, asking...)...)
	list.Stderr = &complaints
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &complaints)
	}
	packages := map[string]listedPackage{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
}

// vendoring imports as the source of one package does.
type vendoring struct {
	types.Importer
	vendored map[string]string
}

func (v vendoring) Import(path string) (*types.Package, error) {
	if at, ok := v.vendored[path]; ok {
		path = at
	}
	return v.Importer.Import(path)
}

// The signatures are texts, since one is read from source and the other is
// that of a method which runs.

func typesSignature(s *types.Signature) string {
	list := func(tuple *types.Tuple) (texts []string) {
		for v := range tuple.Variables() {
			texts = append(texts, types.TypeString(v.Type(), (*types.Package).Name))
		}
		return texts
	}
	return signature(list(s.Params()), list(s.Results()))
}

func reflectSignature(method reflect.Type) string {
	var in, out []string
	for i := 1; i < method.NumIn(); i++ { // without the receiver
		in = append(in, method.In(i).String())
	}
	for i := range method.NumOut() {
		out = append(out, method.Out(i).String())
	}
	return signature(in, out)
}

func signature(in, out []string) string {
	return "(" + strings.Join(in, ", ") + ") (" + strings.Join(out, ", ") + ")"
}
