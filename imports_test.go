package session_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/b4468f51/session"

// A goPackage is what go list tells of a package.
type goPackage struct {
	ImportPath  string
	Dir         string
	Standard    bool
	GoFiles     []string
	Imports     []string
	TestImports []string
	Deps        []string
}

// goList lists packages of this module. But for TestImports, what it tells is of non-test
// code alone.
func goList(t *testing.T, args ...string) []goPackage {
	t.Helper()
	fields := "-json=ImportPath,Dir,Standard,GoFiles,Imports,TestImports,Deps"
	cmd := exec.Command("go", append([]string{"list", fields}, args...)...)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", strings.Join(args, " "), err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatal("go list lists nothing")
	}
	return packages
}

// ours tells whether a package belongs to this project.
func ours(path string) bool { return path == modulePath || strings.HasPrefix(path, modulePath+"/") }

// within tells whether a package of ours stands below a folder.
func within(path, folder string) bool {
	return path == modulePath+"/"+folder || strings.HasPrefix(path, modulePath+"/"+folder+"/")
}

// productionFiles returns the non-test Go files of folders.
func productionFiles(t *testing.T, folders ...string) []string {
	t.Helper()
	var files []string
	for _, folder := range folders {
		found, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, slices.DeleteFunc(found, func(f string) bool { return strings.HasSuffix(f, "_test.go") })...)
	}
	if len(files) == 0 {
		t.Fatalf("no Go files in %v", folders)
	}
	return files
}

func TestOnlyTheStandardLibraryIsLinked(t *testing.T) {
	for _, p := range goList(t, "-deps", "./...") {
		if !p.Standard && !ours(p.ImportPath) {
			t.Errorf("%s is linked, which is neither ours nor of the standard library", p.ImportPath)
		}
	}
}

func TestSecurity_ID2_RandomnessIsThatOfCryptoRand(t *testing.T) {
	secure := false
	for _, p := range goList(t, "./...") {
		for _, path := range p.Imports {
			if strings.HasPrefix(path, "math/rand") {
				t.Errorf("%s imports %s", p.ImportPath, path)
			}
		}
		secure = secure || within(p.ImportPath, "internal/sid") && slices.Contains(p.Imports, "crypto/rand")
	}
	if !secure {
		t.Error("internal/sid does not import crypto/rand")
	}
}

func TestStoresDoNotLinkHTTP(t *testing.T) {
	n := 0
	for _, p := range goList(t, "./store/...") {
		n++
		if slices.Contains(p.Deps, "net/http") {
			t.Errorf("%s links net/http", p.ImportPath)
		}
	}
	if n < 2 {
		t.Errorf("%d packages below store, want at least 2", n)
	}
}

func TestNothingImportsTheRoot(t *testing.T) {
	for _, p := range goList(t, "./...") {
		allowed := p.ImportPath == modulePath
		for _, folder := range []string{"guard", "csrf", "flash", "sessiontest", "examples", "internal"} {
			allowed = allowed || within(p.ImportPath, folder)
		}
		if !allowed && slices.Contains(p.Imports, modulePath) {
			t.Errorf("%s imports the root", p.ImportPath)
		}
	}
}

func TestNoFileIsLongerThan300Lines(t *testing.T) {
	for _, p := range goList(t, "./...") {
		for _, name := range p.GoFiles {
			b, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(b), "\n"); n > 300 {
				t.Errorf("%s/%s has %d lines: two nouns live in it", p.ImportPath, name, n)
			}
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, p := range goList(t, "./...") {
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		d, err := doc.NewFromFiles(fset, files, p.ImportPath, doc.AllDecls|doc.PreserveAST)
		if err != nil {
			t.Fatal(err)
		}
		if d.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		for _, name := range undocumented(d) {
			t.Errorf("%s: %s has no comment", p.ImportPath, name)
		}
	}
}

// undocumented returns the exported names of a package without a comment. The
// fields of a struct are its type's to explain.
func undocumented(d *doc.Package) []string {
	var bare []string
	funcs := func(of string, list []*doc.Func) {
		for _, f := range list {
			if f.Doc == "" && ast.IsExported(f.Name) {
				bare = append(bare, of+f.Name)
			}
		}
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			for _, spec := range v.Decl.Specs {
				spec := spec.(*ast.ValueSpec)
				if v.Doc != "" || spec.Doc != nil || spec.Comment != nil {
					continue
				}
				for _, name := range spec.Names {
					if name.IsExported() {
						bare = append(bare, name.Name)
					}
				}
			}
		}
	}
	values(d.Consts)
	values(d.Vars)
	funcs("", d.Funcs)
	for _, typ := range d.Types {
		values(typ.Consts)
		values(typ.Vars)
		funcs("", typ.Funcs)
		if !ast.IsExported(typ.Name) {
			continue
		}
		if typ.Doc == "" {
			bare = append(bare, typ.Name)
		}
		funcs(typ.Name+".", typ.Methods)
	}
	return bare
}

func TestSecurity_ID12_SecretsAreComparedInConstantTime(t *testing.T) {
	secret := map[string]bool{"secret": true, "hash": true, "presented": true, "token": true, "h": true}
	compares := map[string]bool{} // by file
	inspect := func(path string) {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		named := func(e ast.Expr) bool {
			switch e := e.(type) {
			case *ast.Ident:
				return secret[strings.ToLower(e.Name)]
			case *ast.SelectorExpr:
				return secret[strings.ToLower(e.Sel.Name)]
			}
			return false
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "ConstantTimeCompare" {
				compares[path] = true
			}
			b, ok := n.(*ast.BinaryExpr)
			if !ok || b.Op != token.EQL && b.Op != token.NEQ || !named(b.X) && !named(b.Y) {
				return true
			}
			y := ast.Unparen(b.Y)
			if lit, ok := y.(*ast.CompositeLit); ok && len(lit.Elts) == 0 {
				return true // whether there is one at all
			}
			if lit, ok := y.(*ast.BasicLit); ok && lit.Value == `""` {
				return true
			}
			if id, ok := y.(*ast.Ident); ok && id.Name == "nil" {
				return true
			}
			t.Errorf("%s: a secret is compared with %s", fset.Position(b.OpPos), b.Op)
			return true
		})
	}
	folders := []string{".", "csrf"}
	for _, p := range goList(t, "./internal/...") {
		if room := strings.TrimPrefix(p.ImportPath, modulePath+"/"); room != "internal/probe" && !testsOfTheFace(room) {
			folders = append(folders, room)
		}
	}
	for _, path := range productionFiles(t, folders...) {
		inspect(path)
	}
	for _, path := range []string{"csrf/token.go", "internal/sid/sid.go", "internal/envelope/secret.go"} {
		if !compares[path] {
			t.Errorf("%s: nothing is compared in constant time", path)
		}
	}
}
