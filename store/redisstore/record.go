package redisstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/store"
)

// A record is one string: a head, the subject, the data. Numbers are
// big-endian, and times milliseconds since 1970. Scripts know where things
// stand too.
const (
	formatAt   = 0 // recordFormat
	indexedAt  = 1 // the end that the index was given, in seconds
	createdAt  = 9 // only Create writes it
	versionAt  = 17
	seenAt     = 25
	expiresAt  = 33
	deadlineAt = 41
	lengthAt   = 49 // of the subject, in two bytes
	subjectAt  = 51
)

// recordFormat is what a record begins with.
const recordFormat = 1

var errShort = errors.New("it is cut off")

// encodeRecord writes a record, with what the index is given.
func encodeRecord(rec store.Record, indexed int64) []byte {
	b := make([]byte, 0, subjectAt+len(rec.Subject)+len(rec.Data))
	b = append(b, recordFormat)
	for _, n := range [...]int64{
		indexed, rec.Created.UnixMilli(), int64(rec.Version),
		rec.Seen.UnixMilli(), rec.Expires.UnixMilli(), rec.Deadline.UnixMilli(),
	} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(rec.Subject)))
	return append(append(b, rec.Subject...), rec.Data...)
}

// parseRecord reads a record that was asked for. It returns [store.ErrNotFound]
// where there is none, or it has expired.
func parseRecord(id store.ID, now time.Time, result rueidis.RedisResult) (store.Record, error) {
	b, err := result.AsBytes()
	if rueidis.IsRedisNil(err) {
		return store.Record{}, store.ErrNotFound
	}
	if err != nil {
		return store.Record{}, err
	}
	rec, err := decodeRecord(b)
	if err != nil {
		return store.Record{}, fmt.Errorf("redisstore: record %v is damaged: %w", id, err)
	}
	if !now.Before(rec.Expires) {
		return store.Record{}, store.ErrNotFound
	}
	rec.ID = id
	return rec, nil
}

// decodeRecord reads a record, but for its ID. Its data are a part of b, which
// nobody writes to: neither a cache of the client's nor who has the record.
func decodeRecord(b []byte) (store.Record, error) {
	if len(b) > 0 && b[formatAt] != recordFormat {
		return store.Record{}, fmt.Errorf("format %d is unknown", b[formatAt])
	}
	if len(b) < subjectAt {
		return store.Record{}, errShort
	}
	end := subjectAt + int(binary.BigEndian.Uint16(b[lengthAt:]))
	if len(b) < end {
		return store.Record{}, errShort
	}
	return store.Record{
		Version:  binary.BigEndian.Uint64(b[versionAt:]),
		Subject:  string(b[subjectAt:end]),
		Created:  timeAt(b, createdAt),
		Seen:     timeAt(b, seenAt),
		Expires:  timeAt(b, expiresAt),
		Deadline: timeAt(b, deadlineAt),
		Data:     b[end:],
	}, nil
}

func timeAt(b []byte, at int) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b[at:]))).UTC()
}

// number is a version, or a time, as it stands in a record.
func number(n uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return string(b[:])
}

// millis is a time as a script takes it.
func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// lifetime is how long the server is to keep what expires at a time, in
// milliseconds. It is zero or less if that time has come.
func lifetime(now, expires time.Time) string {
	return strconv.FormatInt(expires.UnixMilli()-now.UnixMilli(), 10)
}
