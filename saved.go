package session

import (
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
)

// saved is a record as a session keeps it for its request: every request does,
// and so the times take a third of the room.
type saved struct {
	id      [sid.IDSize]byte
	version uint64
	subject string
	data    []byte

	created, seen, expires, deadline envelope.Millis
}
