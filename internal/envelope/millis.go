package envelope

import "time"

// Millis is a time as stores keep it: Unix milliseconds, and 0 for none.
type Millis int64

// MillisOf returns t, cut off to the millisecond.
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

// Add returns the time d later, cut off to the millisecond.
func (t Millis) Add(d time.Duration) Millis { return t + Millis(d.Milliseconds()) }

// Sub returns how much later than u t is.
func (t Millis) Sub(u Millis) time.Duration { return time.Duration(t-u) * time.Millisecond }

// Truncate returns t as stores keep it: in UTC, cut off to the millisecond.
func Truncate(t time.Time) time.Time { return MillisOf(t).Time() }
