package envelope

import "time"

// Millis is a time as stores keep it: Unix milliseconds, and 0 for none.
type Millis int64

func MillisOf(t time.Time) Millis {
	if t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Time returns t in UTC, and the zero Time for none.
func (t Millis) Time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(t)).UTC()
}

func (t Millis) Add(d time.Duration) Millis { return t + Millis(d.Milliseconds()) }

func (t Millis) Sub(u Millis) time.Duration { return time.Duration(t-u) * time.Millisecond }
