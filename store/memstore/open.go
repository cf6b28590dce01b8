package memstore

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/b4468f51/session/store"
)

func init() { store.Register("memory", open) }

// open opens the URL "memory:", or "memory:?max_bytes=" and a number. Its
// errors repeat nothing of the URL.
func open(rawURL string) (store.Store, error) {
	after, query, hasQuery := strings.Cut(rawURL, "?")
	if after != "memory:" {
		return nil, errors.New("memstore: the URL is memory: or memory:?max_bytes=N, and nothing else")
	}
	if !hasQuery {
		return New(), nil
	}
	values, err := url.ParseQuery(query)
	given := values["max_bytes"]
	if err != nil || len(values) != 1 || len(given) != 1 {
		return nil, errors.New("memstore: the one parameter of the URL is max_bytes, once: memory:?max_bytes=N")
	}
	maxBytes, err := strconv.ParseInt(given[0], 10, 64)
	if err != nil || maxBytes < MinLimit {
		return nil, fmt.Errorf("memstore: max_bytes in the URL must be a number of bytes, in digits alone, and at least %d", MinLimit)
	}
	return NewLimited(maxBytes), nil
}
