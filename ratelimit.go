package session

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// LimitRate returns a function for Config.AdmitAnonymous that admits so many new
// anonymous sessions per interval, of all clients of this process together. After a
// pause it admits as many at once. So the store holds at most as many as LimitRate admits in
// one lifetime and one interval. LimitRate panics if sessions or per is not
// positive.
func LimitRate(sessions int, per time.Duration) func(*http.Request) error {
	if sessions <= 0 || per <= 0 {
		panic("session: LimitRate takes a positive number and a positive interval")
	}
	var mu sync.Mutex
	var full time.Time // when all of the sessions can be admitted at once again
	each := max(1, per/time.Duration(sessions))
	return func(*http.Request) error {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if full.Before(now) {
			full = now
		}
		if full.Sub(now) > per-each {
			return errRate
		}
		full = full.Add(each)
		return nil
	}
}

var errRate = errors.New("the limit of new anonymous sessions is reached")
