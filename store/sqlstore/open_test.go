package sqlstore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

func TestParseSQLiteURL(t *testing.T) {
	for _, c := range []struct {
		url  string
		want sqliteURL
	}{
		{"sqlite:app.db", sqliteURL{"app.db", "FULL", Options{}}},
		{"sqlite:data/app.db", sqliteURL{"data/app.db", "FULL", Options{}}},
		{"sqlite:/abs/path.db", sqliteURL{"/abs/path.db", "FULL", Options{}}},
		{"sqlite:///abs/path.db", sqliteURL{"/abs/path.db", "FULL", Options{}}},
		{`sqlite:C:\data\app.db`, sqliteURL{`C:\data\app.db`, "FULL", Options{}}},
		{"sqlite:what%3F.db?", sqliteURL{"what?.db", "FULL", Options{}}},
		{"sqlite:a b#c.db", sqliteURL{"a b#c.db", "FULL", Options{}}},
		{"sqlite:app.db?table=my%22table", sqliteURL{"app.db", "FULL", Options{Table: `my"table`}}},
		{"sqlite:app.db?busy_timeout=5s&synchronous=normal", sqliteURL{"app.db", "NORMAL", Options{BusyTimeout: 5 * time.Second}}},
		{"sqlite:app.db?synchronous=full", sqliteURL{"app.db", "FULL", Options{}}},
	} {
		got, err := parseSQLiteURL(c.url)
		if err != nil || got != c.want {
			t.Errorf("parseSQLiteURL(%q) = %+v, %v; want %+v", c.url, got, err, c.want)
		}
	}
}

func TestParseSQLiteURLRefuses(t *testing.T) {
	for _, c := range []struct{ url, says string }{
		{"app.db", "begins with sqlite:"},
		{"sqlite:", "no path"},
		{"sqlite:?table=a", "no path"},
		{"sqlite::memory:", "memstore"},
		{"sqlite://app.db", "no host"},
		{"sqlite:file:app.db", "no other scheme"},
		{"sqlite:%zz", "escape"},
		{"sqlite:a%00b", "NUL"},
		{"sqlite:app.db?tabel=a", `unknown parameter "tabel" (there are busy_timeout, synchronous and table)`},
		{"sqlite:app.db?table=", "name is empty"},
		{"sqlite:app.db?table=a%00", "NUL"},
		{"sqlite:app.db?table=a&table=b", "given 2 times"},
		{"sqlite:app.db?busy_timeout=5000", "with its unit"},
		{"sqlite:app.db?busy_timeout=0s", "positive"},
		{"sqlite:app.db?synchronous=off", "want full or normal"},
		{"sqlite:app.db?a;b", "semicolon"},
	} {
		_, err := parseSQLiteURL(c.url)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("parseSQLiteURL(%q): error %v, want one that says %q", c.url, err, c.says)
		}
	}
}

func FuzzParseSQLiteURL(f *testing.F) {
	f.Add("sqlite:app.db?table=a&busy_timeout=1s&synchronous=full")
	f.Add("sqlite:%2F%00")
	f.Fuzz(func(t *testing.T, rawURL string) {
		u, err := parseSQLiteURL(rawURL)
		if err != nil {
			return
		}
		if u.path == "" || strings.ContainsRune(u.path, 0) || u.opts.BusyTimeout < 0 {
			t.Errorf("parseSQLiteURL(%q) = %+v", rawURL, u)
		}
		// Nothing of the path becomes a parameter.
		if dsn := sqliteDSN(u.path, u.synchronous); strings.Count(dsn, "?") != 1 || strings.Contains(dsn, "#") {
			t.Errorf("the path %q is cut off in %q", u.path, dsn)
		}
	})
}

// The driver is the application's to import, and this package's tests have
// none: who forgets it is told what to write.
func TestOpenWithoutDriver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	_, err := store.Open("sqlite:" + path)
	if err == nil || !strings.Contains(err.Error(), `import _ "modernc.org/sqlite"`) {
		t.Errorf("Open without a driver: %v, want the import to add", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("Open without a driver left a file")
	}
	if !slices.Contains(store.Names(), "sqlite") {
		t.Errorf("sqlite is not registered: %v", store.Names())
	}
}

func TestSQLiteDriver(t *testing.T) {
	for _, c := range []struct {
		linked []string
		want   string
	}{
		{[]string{"mysql", "sqlite3"}, "sqlite3"},
		{[]string{"sqlite", "sqlite3"}, "sqlite"},
	} {
		if got, err := sqliteDriver(c.linked); err != nil || got != c.want {
			t.Errorf("sqliteDriver(%v) = %q, %v; want %q", c.linked, got, err, c.want)
		}
	}
}

func TestSQLiteDSN(t *testing.T) {
	const want = "file:/a%20b/c%3Fd%23e%25.db?_pragma=busy_timeout(100)&_busy_timeout=100&_pragma=synchronous(FULL)&_synchronous=FULL"
	if got := sqliteDSN("/a b/c?d#e%.db", "FULL"); got != want {
		t.Errorf("sqliteDSN = %s, want %s", got, want)
	}
}
