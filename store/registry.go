package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// An Opener opens the store that a URL describes. It is given the whole URL,
// scheme included. Its errors must not repeat a password.
type Opener func(url string) (Store, error)

var (
	openersMu sync.RWMutex
	openers   = map[string]Opener{}
)

// packages are those of this module that register stores, for the error of who
// forgot to import one.
var packages = map[string]string{
	"memory":         "memstore",
	"sqlite":         "sqlstore",
	"postgres":       "sqlstore",
	"postgresql":     "sqlstore",
	"mysql":          "sqlstore",
	"mariadb":        "sqlstore",
	"redis":          "redisstore",
	"rediss":         "redisstore",
	"redis+sentinel": "redisstore",
	"redis+cluster":  "redisstore",
}

// Register makes a store available to [Open] under a name, the scheme of its
// URLs, and is meant to be called from a package's init function. Like
// [database/sql.Register] it panics where the wiring is wrong: the opener is
// nil, the name is empty or holds a colon, or the name is taken.
func Register(name string, open Opener) {
	openersMu.Lock()
	defer openersMu.Unlock()
	if open == nil {
		panic("session: Register of a nil opener for store " + name)
	}
	if name == "" || strings.Contains(name, ":") {
		panic(fmt.Sprintf("session: Register of store %q: a name is a URL scheme, without the colon", name))
	}
	if _, taken := openers[name]; taken {
		panic("session: Register called twice for store " + name)
	}
	openers[name] = open
}

// Open opens a store by URL, such as "memory:" or "sqlite:app.db": what stands
// before the first colon is the name that the store was registered under, by
// the import of its package. The caller closes it with [Close].
func Open(url string) (Store, error) {
	name, _, found := strings.Cut(url, ":")
	if !found || name == "" {
		// The text is not repeated: it may hold a password.
		return nil, errors.New("session: a store URL begins with the store's name and a colon, as in memory: or sqlite:app.db")
	}
	openersMu.RLock()
	open := openers[name]
	openersMu.RUnlock()
	if open == nil {
		err := fmt.Errorf("session: unknown store %q (forgotten import?)", name)
		if pkg, ok := packages[name]; ok {
			err = fmt.Errorf("%w: import _ %q", err, "github.com/b4468f51/session/store/"+pkg)
		}
		return nil, err
	}
	s, err := open(url)
	if err != nil {
		return nil, fmt.Errorf("session: open store %q: %w", name, err)
	}
	return s, nil
}

// Names returns the names that stores were registered under, sorted.
func Names() []string {
	openersMu.RLock()
	defer openersMu.RUnlock()
	return slices.Sorted(maps.Keys(openers))
}
