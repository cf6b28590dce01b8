package redisstore

import (
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/store"
)

// A record is a hash. Its fields are v, the version in hexadecimal; s, the
// subject; c, n, e and d, when it was created and seen, when it expires, and
// its deadline, in milliseconds since 1970; b, the data; and i, the end that
// the index was given, in seconds.
var fields = []string{"v", "s", "c", "n", "e", "d", "b"}

// version is a version as it is stored.
func version(v uint64) string { return strconv.FormatUint(v, 16) }

// millis is a time as it is stored.
func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// lifetime is how long the server is to keep what expires at a time, in
// milliseconds. It is zero or less if that time has come.
func lifetime(now, expires time.Time) string {
	return strconv.FormatInt(expires.UnixMilli()-now.UnixMilli(), 10)
}

// parseRecord reads the fields of a record. It returns [store.ErrNotFound]
// where there is none, or it has expired.
func parseRecord(id store.ID, now time.Time, result rueidis.RedisResult) (store.Record, error) {
	values, err := result.ToArray()
	if err != nil {
		return store.Record{}, err
	}
	if len(values) != len(fields) {
		return store.Record{}, fmt.Errorf("redisstore: %d fields of record %v, want %d", len(values), id, len(fields))
	}
	if values[0].IsNil() {
		return store.Record{}, store.ErrNotFound
	}
	p := parser{values: values}
	r := store.Record{
		ID:       id,
		Version:  p.version(0),
		Subject:  p.text(1),
		Created:  p.time(2),
		Seen:     p.time(3),
		Expires:  p.time(4),
		Deadline: p.time(5),
		Data:     p.bytes(6),
	}
	if p.err != nil {
		return store.Record{}, fmt.Errorf("redisstore: record %v is damaged: %w", id, p.err)
	}
	if !now.Before(r.Expires) {
		return store.Record{}, store.ErrNotFound
	}
	return r, nil
}

// A parser reads values, and remembers the first error.
type parser struct {
	values []rueidis.RedisMessage
	err    error
}

func (p *parser) text(i int) string {
	s, err := p.values[i].ToString()
	p.note(i, err)
	return s
}

// bytes shares the memory of the value, which nobody writes to: neither a cache
// of the client's nor who has the record.
func (p *parser) bytes(i int) []byte {
	b, err := p.values[i].AsBytes()
	p.note(i, err)
	return b
}

func (p *parser) version(i int) uint64 {
	v, err := strconv.ParseUint(p.text(i), 16, 64)
	p.note(i, err)
	return v
}

func (p *parser) time(i int) time.Time {
	ms, err := strconv.ParseInt(p.text(i), 10, 64)
	p.note(i, err)
	return time.UnixMilli(ms).UTC()
}

func (p *parser) note(i int, err error) {
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("field %s: %w", fields[i], err)
	}
}
