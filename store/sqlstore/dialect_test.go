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
		`CREATE INDEX IF NOT EXISTS "my""table_subject" ON "my""table" (subject, id) WHERE subject <> '';`,
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
	for d, quoted := range map[Dialect]string{SQLite: `"sessions"`, PostgreSQL: `"sessions"`, MySQL: "`sessions`"} {
		q, err := d.queries("", "sessions")
		if err != nil {
			t.Fatal(err)
		}
		v := reflect.ValueOf(q)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).Kind() != reflect.String || name == "schemaLock" || name == "path" || name == "present" {
				continue
			}
			text := v.Field(i).String()
			if text == "" || strings.Contains(text, ";") {
				t.Errorf("%v: %s is not one statement: %q", d, name, text)
			}
			if !strings.Contains(text, quoted) {
				t.Errorf("%v: %s does not quote the table: %q", d, name, text)
			}
		}
	}
}
