package sqlstore

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// defaultTable is the table's name where none is configured.
const defaultTable = "sessions"

// checkTable refuses what no database takes for a name, quoted or not.
func checkTable(name string) error {
	switch {
	case name == "":
		return errors.New("sqlstore: the table's name is empty")
	case strings.ContainsRune(name, 0):
		// A driver in C would cut the statement off there.
		return fmt.Errorf("sqlstore: the table's name %q holds a NUL", name)
	case !utf8.ValidString(name):
		return fmt.Errorf("sqlstore: the table's name %q is not UTF-8", name)
	}
	return nil
}

// quote makes a name an identifier of standard SQL.
func quote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
