package change_test

import (
	"testing"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

func TestTheTimesThatAWriteCarries(t *testing.T) {
	r := change.Rules{Touch: time.Minute, Idle: time.Hour, MaxIdle: 24 * time.Hour}
	begin := envelope.MillisOf(time.Unix(1_800_000_000, 0))
	deadline := begin.Add(30 * time.Hour)
	rec := change.Record{Seen: begin, Expires: begin.Add(time.Hour)}
	for name, test := range map[string]struct {
		counts  bool
		own     envelope.Lifetime
		after   time.Duration
		seen    time.Duration // since begin, and so is the next
		expires time.Duration
	}{
		"use":                        {true, envelope.Lifetime{}, time.Minute, time.Minute, 61 * time.Minute},
		"no use":                     {false, envelope.Lifetime{}, time.Minute, 0, time.Hour},
		"an idle timeout of its own": {true, envelope.Lifetime{Idle: 2 * time.Hour}, 0, 0, 2 * time.Hour},
		"that of its own lifetime":   {true, envelope.Lifetime{Absolute: 3 * time.Hour}, 0, 0, 3 * time.Hour},
		"of both the idle one":       {true, envelope.Lifetime{Absolute: 3 * time.Hour, Idle: time.Hour / 2}, 0, 0, time.Hour / 2},
		"longer than is allowed":     {true, envelope.Lifetime{Idle: 25 * time.Hour}, 0, 0, 24 * time.Hour},
		"near the deadline":          {true, envelope.Lifetime{}, 29*time.Hour + 30*time.Minute, 29*time.Hour + 30*time.Minute, 30 * time.Hour},
	} {
		seen, expires := r.Times(&rec, test.counts, test.own, begin.Add(test.after), deadline)
		if seen.Sub(begin) != test.seen || expires.Sub(begin) != test.expires {
			t.Errorf("%s: seen after %v, ends after %v; want %v, %v", name, seen.Sub(begin), expires.Sub(begin), test.seen, test.expires)
		}
	}
}

func TestWhenUseIsDue(t *testing.T) {
	r := change.Rules{Touch: time.Minute, Idle: time.Hour, MaxIdle: 24 * time.Hour}
	now := envelope.MillisOf(time.Unix(1_800_000_000, 0))
	rec := change.Record{Seen: now, Expires: now.Add(time.Hour), Deadline: now.Add(2 * time.Hour)}
	if r.UseDue(&rec, now.Add(time.Minute-time.Millisecond)) || !r.UseDue(&rec, now.Add(time.Minute)) {
		t.Error("use is not due once a Touch")
	}
	if r.EndsTooSoon(&rec, new(envelope.Meta)) || !r.EndsTooSoon(&rec, &envelope.Meta{Lifetime: envelope.Lifetime{Idle: 2 * time.Hour}}) {
		t.Error("a lifetime that was made longer is not told")
	}
}
