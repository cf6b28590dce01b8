package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/b4468f51/session/store"
)

// openPlain opens a plain store.
func openPlain(string) (store.Store, error) { return plain{}, nil }

// openedURL is what Open gave the opener of "mine".
var openedURL string

var errRefused = errors.New("connection refused")

// Names are registered once, however often the tests run.
func init() {
	store.Register("taken", openPlain)
	store.Register("mine", func(url string) (store.Store, error) {
		openedURL = url
		return able{}, nil
	})
	store.Register("refusing", func(string) (store.Store, error) { return nil, errRefused })
}

func TestRegisterPanics(t *testing.T) {
	for _, c := range []struct {
		what string
		name string
		open store.Opener
		want string
	}{
		{"a nil opener", "nil", nil, "session: Register of a nil opener for store nil"},
		{"no name", "", openPlain, `session: Register of store "": a name is a URL scheme, without the colon`},
		{"a name with a colon", "colon:", openPlain, `session: Register of store "colon:": a name is a URL scheme, without the colon`},
		{"a name that is taken", "taken", openPlain, "session: Register called twice for store taken"},
	} {
		t.Run(c.what, func(t *testing.T) {
			before := store.Names()
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("panics with %v, want %q", got, c.want)
				}
				if after := store.Names(); !slices.Equal(before, after) {
					t.Errorf("the names were %q and are %q", before, after)
				}
			}()
			store.Register(c.name, c.open)
		})
	}
}

func TestOpen(t *testing.T) {
	for _, url := range []string{"mine:", "mine:file.db", "mine://user:password@host:1234/path?query=1#fragment"} {
		s, err := store.Open(url)
		if _, ok := s.(able); !ok || err != nil {
			t.Errorf("Open(%q) is %v, %v", url, s, err)
		}
		if openedURL != url {
			t.Errorf("Open(%q) gave the opener %q", url, openedURL)
		}
	}
	if names := store.Names(); !slices.Contains(names, "mine") || !slices.IsSorted(names) {
		t.Errorf("the names are %q", names)
	}
}

func TestOpenErrors(t *testing.T) {
	const password = "hunter2"
	for _, c := range []struct{ url, want string }{
		{"", "session: a store URL begins with the store's name and a colon, as in memory: or sqlite:app.db"},
		{password, "session: a store URL begins with the store's name and a colon, as in memory: or sqlite:app.db"},
		{":" + password, "session: a store URL begins with the store's name and a colon, as in memory: or sqlite:app.db"},
		{"unknown://user:" + password + "@host", `session: unknown store "unknown" (forgotten import?)`},
		{"REFUSING:", `session: unknown store "REFUSING" (forgotten import?)`},
		{"redis+cluster://user:" + password + "@host", `session: unknown store "redis+cluster" (forgotten import?): import _ "github.com/b4468f51/session/store/redisstore"`},
		{"refusing://user:" + password + "@host", `session: open store "refusing": connection refused`},
	} {
		s, err := store.Open(c.url)
		if s != nil || err == nil || err.Error() != c.want {
			t.Errorf("Open(%q) is %v, %v, want the error %q", c.url, s, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("Open(%q) repeats the password: %v", c.url, err)
		}
		if strings.HasPrefix(c.url, "refusing") && !errors.Is(err, errRefused) {
			t.Errorf("Open(%q) does not wrap the opener's error: %v", c.url, err)
		}
	}
}

// An error names the package to import, and that package does register the name.
func TestOpenNamesTheImport(t *testing.T) {
	for _, name := range []string{
		"memory", "sqlite", "postgres", "postgresql", "mysql", "mariadb", "redis", "rediss", "redis+sentinel", "redis+cluster",
	} {
		restore := store.Forget(name) // the examples import memstore
		_, err := store.Open(name + ":")
		restore()
		_, pkg, found := strings.Cut(fmt.Sprint(err), `import _ "github.com/b4468f51/session/store/`)
		if !found {
			t.Errorf("Open of %s: %v, want the import to add", name, err)
			continue
		}
		files, _ := filepath.Glob(filepath.Join(strings.TrimSuffix(pkg, `"`), "*.go"))
		if !slices.ContainsFunc(files, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && !strings.HasSuffix(file, "_test.go") &&
				strings.Contains(string(text), "store.Register(") && strings.Contains(string(text), strconv.Quote(name))
		}) {
			t.Errorf("Open of %s: %v, and that package registers no such name", name, err)
		}
	}
}
