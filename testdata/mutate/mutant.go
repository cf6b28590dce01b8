package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A mutant is a file with one thing broken.
type mutant struct {
	file  string
	line  int
	what  string
	src   []byte
	edits []edit
	racy  bool // to be seen under the race detector
}

// An edit replaces src[from:to].
type edit struct {
	from, to int
	text     string
}

func (m mutant) apply() []byte {
	edits := slices.Clone(m.edits)
	slices.SortFunc(edits, func(a, b edit) int { return b.from - a.from })
	out := slices.Clone(m.src)
	for _, e := range edits {
		out = slices.Concat(out[:e.from], []byte(e.text), out[e.to:])
	}
	return out
}

func (m mutant) String() string {
	lines := bytes.Split(m.src, []byte("\n"))
	return fmt.Sprintf("%s:%d: %s: %s", filepath.Base(m.file), m.line, m.what, bytes.TrimSpace(lines[m.line-1]))
}

// mutants returns all that can be made of a file.
func mutants(file string) ([]mutant, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, src, 0)
	if err != nil {
		return nil, err
	}
	f := finder{fset: fset, file: file, src: src}
	for _, decl := range tree.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
			f.function(fn.Type, fn.Body)
		}
	}
	return f.found, nil
}

type finder struct {
	fset  *token.FileSet
	file  string
	src   []byte
	found []mutant
}

func (f *finder) at(pos token.Pos) int { return f.fset.Position(pos).Offset }

func (f *finder) text(n ast.Node) string { return string(f.src[f.at(n.Pos()):f.at(n.End())]) }

func (f *finder) add(at ast.Node, what string, edits ...edit) {
	f.found = append(f.found, mutant{
		file: f.file, line: f.fset.Position(at.Pos()).Line, what: what, src: f.src, edits: edits,
		racy: strings.Contains(what, "lock"),
	})
}

func (f *finder) replace(n ast.Node, what, text string) {
	f.add(n, what, edit{f.at(n.Pos()), f.at(n.End()), text})
}

// swaps are operators, and what is put in their place.
var swaps = map[token.Token]token.Token{
	token.LAND: token.LOR, token.LOR: token.LAND,
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.ADD: token.SUB, token.SUB: token.ADD,
}

// function finds what can be broken in the body of a function.
func (f *finder) function(t *ast.FuncType, body *ast.BlockStmt) {
	f.locks(body)
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.function(n.Type, n.Body)
			return false
		case *ast.IfStmt:
			f.replace(n.Cond, "negated", "!("+f.text(n.Cond)+")")
		case *ast.ForStmt:
			if n.Cond != nil {
				f.replace(n.Cond, "negated", "!("+f.text(n.Cond)+")")
			}
		case *ast.BinaryExpr:
			if to, ok := swaps[n.Op]; ok {
				at := f.at(n.OpPos)
				f.add(n.Y, n.Op.String()+" is now "+to.String(), edit{at, at + len(n.Op.String()), to.String()})
			}
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok && !isLock(call) {
				f.replace(n, "call dropped", "")
			}
		case *ast.DeferStmt:
			if !isLock(n.Call) {
				f.replace(n, "defer dropped", "")
			}
		case *ast.AssignStmt:
			blank := func(e ast.Expr) bool { id, ok := e.(*ast.Ident); return ok && id.Name == "_" }
			if n.Tok != token.DEFINE && slices.ContainsFunc(n.Lhs, func(e ast.Expr) bool { return !blank(e) }) {
				f.replace(n, "assignment dropped", blanks(len(n.Lhs), len(n.Rhs))+f.text(&ast.BinaryExpr{X: n.Rhs[0], Y: n.Rhs[len(n.Rhs)-1]}))
			}
		case *ast.IncDecStmt:
			f.replace(n, "count dropped", "")
		case *ast.ReturnStmt:
			f.returned(t, n)
		case *ast.CaseClause:
			if n.List != nil {
				f.replace(n, "case skipped", "")
			}
		}
		return true
	})
}

func blanks(left, right int) string {
	return strings.TrimSuffix(strings.Repeat("_, ", max(left, right)), ", ") + " = "
}

// returned drops an error that is returned.
func (f *finder) returned(t *ast.FuncType, n *ast.ReturnStmt) {
	if t.Results == nil || len(n.Results) == 0 {
		return
	}
	last := t.Results.List[len(t.Results.List)-1]
	result := n.Results[len(n.Results)-1]
	switch name, _ := last.Type.(*ast.Ident); {
	case name == nil:
	case name.Name == "error" && len(n.Results) == t.Results.NumFields() && f.text(result) != "nil":
		f.replace(result, "error dropped", "nil")
	case name.Name == "bool" && (f.text(result) == "true" || f.text(result) == "false"):
		f.replace(result, "turned around", map[string]string{"true": "false", "false": "true"}[f.text(result)])
	}
}

// locks finds locks that are taken in a function, and takes each out with its
// release.
func (f *finder) locks(body *ast.BlockStmt) {
	byLock := map[string][]ast.Node{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok && isLock(call) {
				name := f.text(call.Fun.(*ast.SelectorExpr).X)
				byLock[name] = append(byLock[name], n)
			}
		case *ast.DeferStmt:
			if isLock(n.Call) {
				name := f.text(n.Call.Fun.(*ast.SelectorExpr).X)
				byLock[name] = append(byLock[name], n)
			}
		}
		return true
	})
	for name, nodes := range byLock {
		var edits []edit
		for _, n := range nodes {
			edits = append(edits, edit{f.at(n.Pos()), f.at(n.End()), ""})
		}
		f.add(nodes[0], "without the lock "+name, edits...)
	}
}

func isLock(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && len(call.Args) == 0 && slices.Contains([]string{"Lock", "Unlock", "RLock", "RUnlock"}, sel.Sel.Name)
}
