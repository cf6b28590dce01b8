package memstore

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// prefixes has what subjects begin with, up to their first colon: the realm,
// which a manager puts before all of its subjects. Few differ, so each is kept
// once, and a record has its number.
type prefixes struct {
	all atomic.Pointer[[]string] // all[0] is empty; what a reader got never changes
	mu  sync.Mutex               // held to add one
}

// maxPrefixes is how many numbers there are. The subjects of further prefixes
// are kept whole, which costs memory alone.
const maxPrefixes = 16

func (p *prefixes) open() { p.all.Store(&[]string{""}) }

// find splits a subject as it was, or would have been, when it was added. The
// prefix that nobody has added is none.
func (p *prefixes) find(s string) subject[string] {
	if colon := strings.IndexByte(s, ':'); colon >= 0 {
		if i := slices.Index(*p.all.Load(), s[:colon+1]); i > 0 {
			return subject[string]{byte(i), s[colon+1:]}
		}
	}
	return subject[string]{0, s}
}

// add splits a subject, and numbers its prefix if that is new. From then on the
// prefix has this number, or none once there are as many as can be: a
// subject is always split the same way.
func (p *prefixes) add(s string) subject[string] {
	if found := p.find(s); found.prefix != 0 || len(*p.all.Load()) == maxPrefixes {
		return found
	}
	colon := strings.IndexByte(s, ':')
	if colon < 0 {
		return subject[string]{0, s}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	all := *p.all.Load()
	if prefix := s[:colon+1]; len(all) < maxPrefixes && !slices.Contains(all, prefix) {
		longer := append(slices.Clone(all), strings.Clone(prefix))
		p.all.Store(&longer)
	}
	return p.find(s)
}

// join returns the subject as a string of its own, which keeps none of the
// store's memory.
func (p *prefixes) join(s subject[[]byte]) string {
	if s.prefix == 0 {
		return string(s.rest)
	}
	return (*p.all.Load())[s.prefix] + string(s.rest)
}
