package mark

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/store"
)

// ErrTooMany is returned when no place is left.
var ErrTooMany = errors.New("session: the subject has as many sessions as it may have: one has to end first")

// A Reservation asks for the place of a session that a sign-in is about to write. A subject
// has a limited number of them. Sign-ins of one subject meet in the compare-and-swap of its
// mark, so that no more of them succeed than there are places, even at the same time.
type Reservation struct {
	Subject string     // as the store has it
	Max     int        // how many sessions the subject may have
	Session store.ID   // the one that is to be written
	Asked   []store.ID // all for which this sign-in has asked for a place, Session included
	Killed  store.ID   // of which the client presented a killed token; zero if it did not

	// Ends tells whether a session gives way to the sign-in anyhow.
	Ends func(id store.ID) bool

	// List returns the subject's sessions: all that do not give way, or most of them, and
	// Session in any case.
	List func(most int) ([]store.ID, error)
}

// A place is one that a sign-in has reserved, until its session is in the store.
type place struct {
	id store.ID
	at int64 // Unix milliseconds
}

// placesHead begins the data of a subject's places.
const placesHead = "\x00quota"

const placeSize = len(store.ID{}) + 8

// placeLife is how long a place counts that was never freed, because the process ended. A
// commit takes less.
const placeLife = commit.Window

// Reserve takes a place, or returns ErrTooMany. Call it again when the session gets another
// ID: one that had a place because it was stored has lost it.
//
// If there is no place left, the session of which the client presented a killed token gives
// way, and Reserve returns it. A client that never got the answer of its last sign-in comes
// with such a token. Nobody else can use that session, and it must not lock its subject out.
func (m *Marks) Reserve(ctx context.Context, r Reservation, now time.Time) (gives []store.ID, err error) {
	err = m.editPlaces(ctx, r.Subject, now, func(places []place) ([]place, error) {
		// The sessions are listed after the places were read, so that none is missed.
		ids, err := r.List(r.Max + 1)
		if err != nil {
			return nil, err
		}
		taken := 0
		gives = nil
		for _, id := range ids {
			switch {
			case id == r.Session: // it has a place
				gives = nil
				return places, nil
			case r.Ends(id):
				continue
			case id == r.Killed:
				gives = []store.ID{id}
			}
			taken++
			places = slices.DeleteFunc(places, func(p place) bool { return p.id == id })
		}
		places = slices.DeleteFunc(places, func(p place) bool {
			return slices.Contains(r.Asked, p.id) || p.at < now.Add(-placeLife).UnixMilli()
		})
		switch left := r.Max - taken - len(places); {
		case left > 0:
			gives = nil
		case left+len(gives) <= 0:
			return nil, ErrTooMany
		}
		return append(places, place{r.Session, now.UnixMilli()}), nil
	})
	if err != nil {
		return nil, err
	}
	return gives, nil
}

// Free gives the places of sessions back: each can be listed now, or never will be. One
// that is not freed counts for a minute.
func (m *Marks) Free(ctx context.Context, subject string, sessions []store.ID, now time.Time) error {
	return m.editPlaces(ctx, subject, now, func(places []place) ([]place, error) {
		return slices.DeleteFunc(places, func(p place) bool { return slices.Contains(sessions, p.id) }), nil
	})
}

// editPlaces compares and swaps the places of a subject.
func (m *Marks) editPlaces(ctx context.Context, subject string, now time.Time, edit func([]place) ([]place, error)) error {
	return m.edit(ctx, "limit sessions", idOf("quota", subject), now, func(data []byte) ([]byte, error) {
		places, err := edit(decodePlaces(data))
		if err != nil || len(data) == 0 && len(places) == 0 {
			return nil, err
		}
		if changed := encodePlaces(places); !bytes.Equal(changed, data) {
			return changed, nil
		}
		return nil, nil
	})
}

func encodePlaces(places []place) []byte {
	data := []byte(placesHead)
	for _, p := range places {
		data = append(data, p.id[:]...)
		data = binary.LittleEndian.AppendUint64(data, uint64(p.at))
	}
	return data
}

func decodePlaces(data []byte) []place {
	data, ok := bytes.CutPrefix(data, []byte(placesHead))
	if !ok {
		return nil
	}
	places := make([]place, 0, len(data)/placeSize+1)
	for ; len(data) >= placeSize; data = data[placeSize:] {
		places = append(places, place{store.ID(data[:16]), int64(binary.LittleEndian.Uint64(data[16:]))})
	}
	return places
}
