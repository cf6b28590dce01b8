package session_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// doors has, for each package of this module, the packages of it that its code may
// import. What is not named here has no door yet: give it one, or leave it out.
var doors = map[string][]string{
	"internal/sid":      {},
	"internal/envelope": {"internal/sid"},
	"internal/change":   {"internal/sid", "internal/envelope"},
	"internal/commit":   {"internal/sid", "internal/envelope", "internal/change", "store"},
	"internal/carrier":  {},
	"internal/respond":  {},

	"store":             {},
	"store/memstore":    {"store"},
	"store/sqlstore":    {"store"},
	"store/cookiestore": {"store", "internal/sid", ""},
	"store/storetest":   {"store"},

	"":               {"internal/sid", "internal/envelope", "internal/change", "internal/commit", "internal/carrier", "internal/respond", "store", "store/memstore"},
	"guard":          {""},
	"flash":          {""},
	"sessiontest":    {"", "store", "store/memstore", "internal/sid"},
	"internal/probe": {"", "store", "store/memstore", "store/cookiestore", "internal/sid"}, // for tests
}

// public has what the tests of the face may import: they go in by the front door.
var public = []string{"", "store", "store/memstore", "store/cookiestore", "internal/probe"}

// testsOfTheFace tells whether a package is nothing but tests of the face.
func testsOfTheFace(room string) bool {
	return room == "internal/checklist" || strings.HasPrefix(room, "internal/tests/")
}

// shut are packages of the standard library that a room must not import: what it
// knows nothing of.
var shut = map[string][]string{
	"internal/sid":      {"net/http", "context", "time", "log/slog"},
	"internal/envelope": {"net/http", "context", "log/slog"},
	"internal/change":   {"net/http", "context", "log/slog", "sync"},
	"internal/commit":   {"net/http", "log/slog"},
	"internal/carrier":  {"context", "log/slog", "sync"},
	"internal/respond":  {"log/slog", "encoding/json", "crypto/rand"},
	"guard":             {"context"},
	"flash":             {"log/slog", "sync", "time"},
	"store":             {"net/http"},
	"store/memstore":    {"net/http"},
	"store/sqlstore":    {"net/http"},
	"store/cookiestore": {"net/http"},
	"store/storetest":   {"net/http"},
}

func TestEveryDoorIsOnThePlan(t *testing.T) {
	for _, p := range goList(t, "./...") {
		room := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, modulePath), "/")
		if strings.HasPrefix(room, "testdata") {
			continue
		}
		open, ok := doors[room]
		if testsOfTheFace(room) {
			open, ok, p.Imports = public, true, append(p.Imports, p.TestImports...)
		}
		if !ok {
			t.Errorf("%q is on no plan: say in doors what it may import", room)
			continue
		}
		for _, path := range p.Imports {
			to := strings.TrimPrefix(strings.TrimPrefix(path, modulePath), "/")
			if ours(path) && !slices.Contains(open, to) {
				t.Errorf("%q imports %q, and has no door there", room, to)
			}
			if slices.Contains(shut[room], path) {
				t.Errorf("%q imports %s, of which it knows nothing", room, path)
			}
		}
	}
}

// A newcomer looks for a file's place on the map of CONTRIBUTING.md.
func TestEveryFileIsOnTheMap(t *testing.T) {
	b, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	on := func(name string) bool { return strings.Contains(string(b), "`"+name+"`") }
	for _, p := range goList(t, "./...") {
		room := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, modulePath), "/")
		if room != "" && !strings.HasPrefix(room, "testdata") && !on(room) {
			t.Errorf("the package %s is not on the map", room)
		}
		if room != "" {
			continue
		}
		for _, name := range p.GoFiles {
			if !on(name) {
				t.Errorf("%s is not on the map", name)
			}
		}
	}
}
