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
	"internal/mark":     {"internal/commit", "store"},
	"internal/account":  {"internal/commit", "internal/limit", "store"},
	"internal/life": {"internal/sid", "internal/envelope", "internal/change", "internal/commit", "internal/mark", "internal/account",
		"internal/limit", "internal/watch", "store"},
	"internal/watch":   {"store"},
	"internal/carrier": {},
	"internal/respond": {},
	"internal/limit":   {},

	"store":             {},
	"store/memstore":    {"store"},
	"store/sqlstore":    {"store"},
	"store/cookiestore": {"store"},
	"store/storetest":   {"store"},

	"": {"internal/sid", "internal/envelope", "internal/change", "internal/commit", "internal/mark", "internal/life",
		"internal/carrier", "internal/respond", "internal/limit", "internal/watch", "store"},
	"guard":          {""},
	"csrf":           {""},
	"flash":          {""},
	"sessiontest":    {"", "store/memstore"},
	"internal/probe": {"", "store", "store/memstore", "store/cookiestore", "internal/sid"}, // for tests
}

// public has what the tests of the face may import: they go in by the front door.
var public = []string{"", "csrf", "flash", "store", "store/memstore", "store/cookiestore", "internal/probe"}

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
	"internal/mark":     {"net/http", "log/slog", "sync"},
	"internal/account":  {"net/http", "log/slog", "sync"},
	"internal/life":     {"net/http", "log/slog"},
	"internal/carrier":  {"context", "log/slog", "crypto/sha256"},
	"internal/limit":    {"net/http", "log/slog"},
	"internal/watch":    {"net/http", "log/slog"},
	"internal/respond":  {"log/slog", "encoding/json", "crypto/rand"},
	"guard":             {"context"},
	"csrf":              {"context", "log/slog", "sync", "time"},
	"flash":             {"log/slog", "sync", "time"},
	"store":             {"net/http"},
	"store/memstore":    {"net/http"},
	"store/sqlstore":    {"net/http"},
	"store/cookiestore": {"net/http"},
	"store/storetest":   {"net/http"},
}

func TestEveryDoorIsOnThePlan(t *testing.T) {
	unused := slices.Clone(public)
	for _, p := range goList(t, "./...") {
		room := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, modulePath), "/")
		if strings.HasPrefix(room, "testdata") {
			continue
		}
		open, ok := doors[room]
		tests := testsOfTheFace(room)
		if tests {
			open, ok, p.Imports = public, true, append(p.Imports, p.TestImports...)
		}
		if !ok {
			t.Errorf("%q is on no plan: say in doors what it may import", room)
			continue
		}
		for _, to := range open {
			used := slices.Contains(p.Imports, strings.TrimSuffix(modulePath+"/"+to, "/"))
			if tests && used {
				unused = slices.DeleteFunc(unused, func(door string) bool { return door == to })
			}
			if !tests && !used {
				t.Errorf("%q has a door to %q, and does not use it: close it", room, to)
			}
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
	if len(unused) > 0 {
		t.Errorf("the tests of the face have doors to %q, and none of them uses these: close them", unused)
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
			t.Errorf("the package %s is not on the map of CONTRIBUTING.md", room)
		}
		if room != "" {
			continue
		}
		for _, name := range p.GoFiles {
			if !on(name) {
				t.Errorf("%s is not on the map of CONTRIBUTING.md", name)
			}
		}
	}
}
