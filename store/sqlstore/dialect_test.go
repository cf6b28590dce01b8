package sqlstore

import (
	"reflect"
	"strings"
	"testing"
)

func TestSchema(t *testing.T) {
	got, err := Schema(SQLite, `my"table`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`CREATE TABLE IF NOT EXISTS "my""table" (`,
		`CREATE INDEX IF NOT EXISTS "my""table_expires" ON "my""table" (expires);`,
		`CREATE INDEX IF NOT EXISTS "my""table_subject" ON "my""table" (subject) WHERE subject <> '';`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the schema has no\n%s\nin\n%s", want, got)
		}
	}
	if n := strings.Count(got, ";\n"); n != 3 || !strings.HasSuffix(got, ";\n") {
		t.Errorf("the schema has %d statements, want 3, each with its end:\n%s", n, got)
	}
	def, err := Schema(SQLite, "")
	if err != nil || !strings.Contains(def, `"sessions"`) {
		t.Errorf("Schema of no table = %s, %v; want that of sessions", def, err)
	}
	for _, c := range []struct {
		d     Dialect
		table string
	}{{0, ""}, {99, ""}, {SQLite, "\x00"}} {
		if _, err := Schema(c.d, c.table); err == nil {
			t.Errorf("Schema(%v, %q): no error", c.d, c.table)
		}
	}
}

// Every operation is one statement, outside of any transaction.
func TestQueriesAreOneStatement(t *testing.T) {
	q := sqliteQueries("sessions")
	v := reflect.ValueOf(q)
	for i := range v.NumField() {
		if v.Field(i).Kind() != reflect.String {
			continue
		}
		name, text := v.Type().Field(i).Name, v.Field(i).String()
		if text == "" || strings.Contains(text, ";") {
			t.Errorf("%s is not one statement: %q", name, text)
		}
		if !strings.Contains(text, `"sessions"`) {
			t.Errorf("%s does not quote the table: %q", name, text)
		}
	}
}
