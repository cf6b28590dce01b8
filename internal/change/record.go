package change

import (
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
)

// Record is a record as a session keeps it for its request: every request does,
// and so the times take a third of the room.
type Record struct {
	ID      [sid.IDSize]byte
	Version uint64
	Subject string
	Data    []byte

	Created, Seen, Expires, Deadline envelope.Millis
}
