package envelope

import (
	"encoding/binary"
	"time"
)

// A Lifetime is how long one session lasts, where that is not what the manager
// says for all.
type Lifetime struct {
	Absolute   time.Duration
	Idle       time.Duration
	Persistent bool // the cookie outlives the browser
}

// append encodes a lifetime: see tagLifetime.
func (l Lifetime) append(dst []byte) []byte {
	dst = binary.AppendVarint(dst, l.Absolute.Milliseconds())
	dst = binary.AppendVarint(dst, l.Idle.Milliseconds())
	if l.Persistent {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func (l *Lifetime) decode(payload []byte) bool {
	absolute, n := binary.Varint(payload)
	if n <= 0 || absolute < 0 || absolute > maxMillis {
		return false
	}
	idle, k := binary.Varint(payload[n:])
	if k <= 0 || idle < 0 || idle > maxMillis || len(payload) != n+k+1 || payload[n+k] > 1 {
		return false
	}
	*l = Lifetime{time.Duration(absolute) * time.Millisecond, time.Duration(idle) * time.Millisecond, payload[n+k] == 1}
	return true
}

// maxMillis is the longest time.Duration, in milliseconds.
const maxMillis = int64(1<<63-1) / int64(time.Millisecond)
