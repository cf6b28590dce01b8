package session_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"slices"
	"testing"
)

// needNoExample has the methods that fmt, errors and encoding packages call. Programs
// seldom call them by name.
var needNoExample = []string{"Error", "Unwrap", "Is", "As", "String", "Format", "MarshalText", "UnmarshalText"}

// The examples are the tutorial: go doc shows a package's own, so each of its functions
// and methods is used in one of them. Methods of interfaces are for others to implement.
func TestEveryFunctionIsShownInAnExample(t *testing.T) {
	sources := &sourceImporter{fset: token.NewFileSet(), files: map[string][]string{}, done: map[string]*types.Package{}}
	var public []goPackage
	for _, p := range goList(t, "./...") {
		if within(p.ImportPath, "internal") || within(p.ImportPath, "testdata") {
			continue
		}
		public = append(public, p)
		for _, name := range p.GoFiles {
			sources.files[p.ImportPath] = append(sources.files[p.ImportPath], filepath.Join(p.Dir, name))
		}
	}
	total := 0
	for _, p := range public {
		used := sources.usedInExamples(t, p)
		for _, f := range exportedFuncs(sources.done[p.ImportPath]) {
			total++
			if !used[f] && !slices.Contains(needNoExample, f.Name()) {
				t.Errorf("no example of its package uses %s: show it in one", f.FullName())
			}
		}
	}
	if total < 100 {
		t.Errorf("%d exported functions and methods were found: the test does not see them", total)
	}
}

// exportedFuncs returns the exported functions of a package, and the exported methods of
// its exported types.
func exportedFuncs(p *types.Package) []*types.Func {
	var found []*types.Func
	for _, name := range p.Scope().Names() {
		switch o := p.Scope().Lookup(name).(type) {
		case *types.Func:
			found = append(found, o)
		case *types.TypeName:
			if named, ok := o.Type().(*types.Named); ok && o.Exported() && !o.IsAlias() {
				found = slices.AppendSeq(found, named.Methods())
			}
		}
	}
	return slices.DeleteFunc(found, func(f *types.Func) bool { return !f.Exported() })
}

// A sourceImporter has the types of our public packages, from their sources. Of all other
// packages it knows the names alone, so that nothing has to be compiled. What depends on
// them is an error to the type checker, which goes on.
type sourceImporter struct {
	fset  *token.FileSet
	files map[string][]string // by import path
	done  map[string]*types.Package
}

func (si *sourceImporter) Import(importPath string) (*types.Package, error) {
	if p := si.done[importPath]; p != nil {
		return p, nil
	}
	p := types.NewPackage(importPath, path.Base(importPath))
	if names, ok := si.files[importPath]; ok {
		var err error
		if p, err = si.check(importPath, names, nil); err != nil {
			return nil, err
		}
	}
	p.MarkComplete()
	si.done[importPath] = p
	return p, nil
}

func (si *sourceImporter) check(importPath string, names []string, info *types.Info) (*types.Package, error) {
	var files []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(si.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: si, IgnoreFuncBodies: info == nil, Error: func(error) {}}
	p, _ := conf.Check(importPath, si.fset, files, info) // see above: errors are expected
	return p, nil
}

// usedInExamples returns the functions and methods that the example files of a package
// use.
func (si *sourceImporter) usedInExamples(t *testing.T, p goPackage) map[*types.Func]bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(p.Dir, "example*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := si.Import(p.ImportPath); err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	if _, err := si.check(p.ImportPath+"_test", names, info); err != nil {
		t.Fatal(err)
	}
	used := map[*types.Func]bool{}
	for _, o := range info.Uses {
		if f, ok := o.(*types.Func); ok {
			used[f.Origin()] = true
		}
	}
	return used
}
