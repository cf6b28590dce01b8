package memstore

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrFull is returned by Create, and by a Save of a record that grows, when
// that would take a store of [NewLimited] over its limit.
var ErrFull = errors.New("memstore: the store is full: raise its limit in bytes, " +
	"shorten how long sessions live or idle, or take a store outside of this process")

// errFullForAnonymous is ErrFull while there is room for who signs in.
var errFullForAnonymous = fmt.Errorf("anonymous sessions may not begin or grow while seven eighths of the limit are used: %w", ErrFull)

// errTooMany is ErrFull where the limit is that of the positions.
var errTooMany = fmt.Errorf("a shard has as many records as it can: %w", ErrFull)

// MinLimit is the least limit, in bytes, that [NewLimited] takes: an empty store
// has 64 shards, each of which begins with some KiB.
const MinLimit = 1 << 20

// A limit counts the bytes that a store's shards take.
type limit struct {
	used atomic.Int64
	max  int64 // 0 for none
}

func (l *limit) add(bytes int) { l.used.Add(int64(bytes)) }

// near tells whether the store should make better use of what it has.
func (l *limit) near() bool { return l.max > 0 && l.used.Load() > l.max/4*3 }

// create returns an error if there is no room for a new record of this size.
func (l *limit) create(size int, visitor bool) error {
	switch used := l.used.Load() + int64(size); {
	case l.max == 0:
		return nil
	case used > l.max:
		return ErrFull
	case visitor && used > l.max/8*7:
		return errFullForAnonymous
	}
	return nil
}

// grow returns an error if there is no room for a record to grow by so much.
// To shrink needs none: what a record leaves behind is used again.
func (l *limit) grow(by int, visitor bool) error {
	if by <= 0 {
		return nil
	}
	return l.create(by, visitor)
}
