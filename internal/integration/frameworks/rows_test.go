package frameworks_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every row of "What stands where" is held by tests that are named after it.
func TestEveryRowOfWhatStandsWhereHasTests(t *testing.T) {
	doc, err := os.ReadFile("../../../doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "// # What stands where\n")
	section, _, _ = strings.Cut(section, "// # ")
	rows := regexp.MustCompile(`(?m)^//\t(\w[\w/ ]*?) {2,}(?:inside|outside|either|both) `).FindAllStringSubmatch(section, -1)
	if len(rows) < 12 {
		t.Fatalf("%d rows were found", len(rows))
	}
	tests := testNames(t)
	for _, row := range rows {
		if prefix := "Test" + joined(row[1]) + "_"; !strings.Contains(tests, "\n"+prefix) {
			t.Errorf("%q has no test %s…", row[1], prefix)
		}
	}
}

// joined makes a part of a Go name: GorillaMux of gorilla/mux.
func joined(words string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(words, func(r rune) bool { return r == ' ' || r == '/' }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// testNames returns the names of this package's tests, each after a line break.
func testNames(t *testing.T) string {
	t.Helper()
	paths, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var names strings.Builder
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names.WriteString("\n" + f.Name.Name)
			}
		}
	}
	return names.String()
}
