package mark

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/store"
)

// MaxSkew is how far the clock of another machine may be ahead of this one's.
const MaxSkew = time.Minute

// notBeforeHead begins the data of a not-before, in front of the time in Unix
// milliseconds.
const notBeforeHead = "\x00not-before"

func encodeNotBefore(t time.Time) []byte {
	return binary.LittleEndian.AppendUint64([]byte(notBeforeHead), uint64(t.UnixMilli()))
}

func decodeNotBefore(data []byte) time.Time {
	data, ok := bytes.CutPrefix(data, []byte(notBeforeHead))
	if !ok || len(data) != 8 {
		return time.Time{}
	}
	return time.UnixMilli(int64(binary.LittleEndian.Uint64(data))).UTC()
}

// NotBefore returns the not-before of a subject, the zero Time if there is none: the
// sign-ins of the subject until then are over.
//
// A clock that was wrong may have written one that is ahead by more than MaxSkew. It was
// written before now, and nothing else is known of it. So it becomes now: left as it is,
// or read as now each time, it would lock its subject out until that time.
func (m *Marks) NotBefore(ctx context.Context, subject string, now time.Time) (time.Time, error) {
	rec, err := m.engine.Load(ctx, idOf("not-before", subject), now)
	if errors.Is(err, store.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, commit.Failed("load", err)
	}
	at := decodeNotBefore(rec.Data)
	if tooFarAhead(at, now) {
		_, _ = m.SetNotBefore(ctx, subject, now) // if it fails, whoever reads it next tries again
		at = now
	}
	return at, nil
}

func tooFarAhead(t, now time.Time) bool { return t.After(now.Add(MaxSkew)) }

// SetNotBefore makes the not-before of a subject now, and returns what it was: the zero
// Time if there was none. It never moves it back, unless the clock that wrote it was wrong.
// One that is right already is written again, because only a write makes the store
// confirm it, see [store.ErrUnconfirmed].
func (m *Marks) SetNotBefore(ctx context.Context, subject string, now time.Time) (last time.Time, err error) {
	err = m.edit(ctx, "revoke", idOf("not-before", subject), now, func(data []byte) ([]byte, error) {
		last = decodeNotBefore(data)
		if tooFarAhead(last, now) {
			last = now
		}
		if last.After(now) {
			return encodeNotBefore(last), nil
		}
		return encodeNotBefore(now), nil
	})
	return last, err
}
