package session

import (
	"sync"
	"time"
)

// maxLines is how many lines a minute the log gets at most of each kind of event
// that anybody can cause with requests of their own.
const maxLines = 10

// A sampler passes maxLines a minute, and counts the rest.
type sampler struct {
	mu     sync.Mutex
	minute int64
	passed int
	left   int
}

// samplers are those of the process, as its log is.
var samplers = map[EventKind]*sampler{
	EventDuplicate:   new(sampler),
	EventForged:      new(sampler),
	EventReused:      new(sampler),
	EventUndecodable: new(sampler),
	EventUnsaved:     new(sampler),
}

// pass tells whether a line may be written, and how many were left out before it.
func (s *sampler) pass(now time.Time) (ok bool, left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if minute := now.Unix() / 60; minute != s.minute {
		s.minute, s.passed = minute, 0
	}
	if s.passed == maxLines {
		s.left++
		return false, 0
	}
	s.passed++
	left, s.left = s.left, 0
	return true, left
}
