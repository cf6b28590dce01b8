package sqlstore

import (
	"strings"
	"testing"
)

func TestTableNames(t *testing.T) {
	for _, c := range []struct{ name, quoted string }{
		{"sessions", `"sessions"`},
		{`a"b`, `"a""b"`},
		{`""`, `""""""`},
		{"a.b; DROP TABLE users --", `"a.b; DROP TABLE users --"`},
		{"Sitzungen für öffentlich", `"Sitzungen für öffentlich"`},
	} {
		if err := checkTable(c.name); err != nil {
			t.Errorf("checkTable(%q) = %v", c.name, err)
		}
		if got := quote(c.name); got != c.quoted {
			t.Errorf("quote(%q) = %s, want %s", c.name, got, c.quoted)
		}
	}
	for _, name := range []string{"", "a\x00b", "\xff"} {
		if err := checkTable(name); err == nil {
			t.Errorf("checkTable(%q) = nil, want an error", name)
		}
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("sessions")
	f.Add(`"; --`)
	f.Fuzz(func(t *testing.T, name string) {
		inner := quote(name)
		inner = inner[1 : len(inner)-1]
		// No quote stands alone in it, so none ends the identifier.
		if strings.Contains(strings.ReplaceAll(inner, `""`, ""), `"`) {
			t.Errorf("quote(%q) ends early: %s", name, inner)
		}
		if got := strings.ReplaceAll(inner, `""`, `"`); got != name {
			t.Errorf("quote(%q) names %q", name, got)
		}
	})
}
