package redisstore

import (
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

func TestSettled(t *testing.T) {
	// A minute before the minutes begin again.
	wrap := time.Unix(60*(1<<20*28-1), 0)
	for _, added := range []time.Time{time.Unix(1_800_000_000, 0), time.Unix(0, 0), wrap} {
		e := entry{score: float64(sessionEnd(added.Add(time.Hour), added)*minutes + minute(added))}
		for _, c := range []struct {
			after time.Duration
			want  bool
		}{
			{0, false},
			{-time.Hour, false}, // the other machine's clock is ahead
			{store.GCDelay, false},
			{store.GCDelay + time.Minute, true},
			{300 * 24 * time.Hour, true},
		} {
			if got := e.settled(added.Add(c.after)); got != c.want {
				t.Errorf("added at %v, %v later: settled is %v", added.UTC(), c.after, got)
			}
		}
	}
}

func TestSessionEnd(t *testing.T) {
	for _, c := range []struct {
		expires, deadline time.Time
		want              int64
	}{
		{time.UnixMilli(1), time.UnixMilli(1000), 1},
		{time.UnixMilli(1001), time.UnixMilli(1000), 2},
		{time.Time{}, time.Time{}, 0},
		{time.UnixMilli(1), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), maxEnd},
	} {
		if got := sessionEnd(c.expires, c.deadline); got != c.want {
			t.Errorf("sessionEnd(%v, %v) = %d, want %d", c.expires, c.deadline, got, c.want)
		}
	}
	// The largest score is one that a float64 holds, with all its neighbours.
	if score := int64(maxEnd)*minutes + minutes - 1; int64(float64(score)) != score || int64(float64(score-1)) != score-1 {
		t.Error("scores are rounded")
	}
}
