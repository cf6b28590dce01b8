package concurrent

import (
	"maps"
	"slices"
	"time"

	"github.com/b4468f51/session"
)

// A world is what the documentation says of sessions: who is signed in, and what
// is read, whatever happened before. It knows nothing of how sessions are kept.
type world struct {
	rules     historyRules
	tokens    map[string]*modelToken
	sessions  []*modelSession
	notBefore map[string]time.Time // of RevokeAll, by subject
}

// historyRules are those settings that a history depends on.
type historyRules struct {
	lifetime, anonymous, idle, touch, grace, rotate, slow time.Duration
}

// A modelSession is one that is stored.
type modelSession struct {
	id      session.ID
	subject string
	values  map[string]string
	gone    bool
	kills   int // how often its tokens were killed
	own     session.Lifetime

	created, authenticated, seen, expires, deadline time.Time

	current *modelToken
	issued  time.Time // when current was
	others  []*modelToken
}

type modelToken struct {
	of    *modelSession
	state string    // of one that is not current: "pending", "retiring" or "killed"; "" and not among the session's: unknown
	at    time.Time // pending: when it was issued; retiring and killed: until when it counts
}

// begun tells from when on a session's lifetime is counted.
func (s *modelSession) begun() time.Time {
	if s.authenticated.IsZero() {
		return s.created
	}
	return s.authenticated
}

func (w *world) live(s *modelSession, now time.Time) bool {
	return s != nil && !s.gone && now.Before(s.expires)
}

// standing tells what a token is good for.
func (w *world) standing(text string, now time.Time) (*modelSession, string) {
	t := w.tokens[text]
	switch {
	case t == nil || !w.live(t.of, now):
		return nil, "unknown"
	case t == t.of.current:
		return t.of, "good"
	case !slices.Contains(t.of.others, t):
		return t.of, "unknown"
	case t.state == "pending":
		return t.of, "pending"
	case !now.Before(t.at):
		return t.of, "unknown"
	default:
		return t.of, t.state
	}
}

// A modelRequest is one under way.
type modelRequest struct {
	presented []string
	text      string // of the token, and
	token     *modelToken
	session   *modelSession // nil for a new one
	begun     time.Time
	kills     int // those of session when it was loaded
	loaded    map[string]string
	subject   string
	start     time.Time // of what its lifetime is counted from
	seen      time.Time // when session was, before this request
	quiet     bool      // there was nothing to do with its tokens

	lapsed  bool
	ended   bool            // the token was killed a moment ago
	killed  *modelSession   // by whose successor
	several []*modelSession // of more than one good token: reading is anonymous
}

// load is what a request finds.
func (w *world) load(presented []string, now time.Time) *modelRequest {
	r := &modelRequest{presented: presented, begun: now, start: now, lapsed: len(presented) > 0}
	var good, stale []string
	for _, text := range presented {
		switch _, standing := w.standing(text, now); standing {
		case "good", "pending", "retiring":
			good = append(good, text)
		case "killed":
			stale = append(stale, text)
		}
	}
	switch {
	case len(good) > 1:
		for _, text := range good {
			if s := w.tokens[text].of; !slices.Contains(r.several, s) {
				r.several = append(r.several, s)
			}
		}
	case len(good) == 1:
		r.text, r.token = good[0], w.tokens[good[0]]
		r.session, r.lapsed = r.token.of, false
		r.kills, r.subject, r.loaded = r.session.kills, r.session.subject, maps.Clone(r.session.values)
		r.start = r.session.begun()
		if r.session.expires.Sub(now) < w.rules.slow {
			w.touch(r.session, now)
		}
		_, standing := w.standing(r.text, now)
		r.seen, r.quiet = r.session.seen, standing != "pending" && !w.rotationDue(r.session, now)
	case len(stale) > 0:
		r.ended, r.killed = true, w.tokens[stale[0]].of
		r.subject, r.loaded = r.killed.subject, maps.Clone(r.killed.values)
	}
	return r
}

// reads is what a handler sees of a request before it changes anything.
func (r *modelRequest) reads() (subject string, values map[string]string, isNew bool) {
	if r.session == nil { // one that has ended reads as empty
		return "", nil, true
	}
	return r.subject, r.loaded, false
}

func (w *world) touch(s *modelSession, now time.Time) {
	if now.Sub(s.seen) >= w.rules.touch {
		w.used(s, now)
	}
}

// used moves the times of a session, as every write by a request does.
func (w *world) used(s *modelSession, now time.Time) {
	s.seen = now
	idle := w.rules.idle
	switch {
	case s.own.Idle != 0:
		idle = s.own.Idle
	case s.own.Absolute != 0:
		idle = s.own.Absolute
	}
	s.expires = now.Add(idle)
	if s.deadline.Before(s.expires) {
		s.expires = s.deadline
	}
}

func (w *world) lifetimeOf(s *modelSession) time.Duration {
	switch {
	case s.own.Absolute != 0:
		return s.own.Absolute
	case s.subject == "":
		return w.rules.anonymous
	default:
		return w.rules.lifetime
	}
}

// lost tells whether the session of a request ended while it ran.
func (w *world) lost(r *modelRequest, now time.Time) bool {
	return r.session != nil && (!w.live(r.session, now) || r.session.kills != r.kills)
}

// begin makes a session of a request that has none.
func (w *world) begin(now time.Time) *modelSession {
	s := &modelSession{values: map[string]string{}, created: now, issued: now}
	s.current = &modelToken{of: s}
	s.deadline = now.Add(w.rules.anonymous)
	w.sessions = append(w.sessions, s)
	return s
}

// replace puts a token in the place of every other, which die at once.
func (w *world) replace(s *modelSession, now time.Time) {
	w.forget(s, now)
	for _, t := range s.others {
		if t.state != "killed" {
			t.state, t.at = "killed", now.Add(w.rules.grace)
		}
	}
	s.current.state, s.current.at = "killed", now.Add(w.rules.grace)
	s.others = append(s.others, s.current)
	s.current, s.issued = &modelToken{of: s}, now
	s.kills++
}

// forget drops the tokens whose time is over.
func (w *world) forget(s *modelSession, now time.Time) {
	s.others = slices.DeleteFunc(s.others, func(t *modelToken) bool {
		return t.state != "pending" && !now.Before(t.at)
	})
}

// confirm notes that the client was seen to hold a token that it was given gently.
func (w *world) confirm(t *modelToken, now time.Time) {
	s := t.of
	w.forget(s, now)
	i := slices.Index(s.others, t)
	s.others = slices.Delete(s.others, i, i+1)
	for _, o := range s.others[:i] { // those after it are on their way to the client
		if o.state == "pending" {
			o.state, o.at = "retiring", now.Add(w.rules.grace)
		}
	}
	s.current.state, s.current.at = "retiring", now.Add(w.rules.grace)
	s.others = append(s.others, s.current)
	s.current, s.issued = t, t.at
}

// issue gives the client a token gently: the others stay good.
func (w *world) issue(s *modelSession, now time.Time) *modelToken {
	w.forget(s, now)
	pending := 0
	for i := len(s.others) - 1; i >= 0; i-- {
		if s.others[i].state == "pending" {
			if pending++; pending >= 3 && now.Sub(s.others[i].at) >= w.rules.grace {
				s.others = slices.Delete(s.others, i, i+1)
			}
		}
	}
	t := &modelToken{of: s, state: "pending", at: now}
	s.others = append(s.others, t)
	return t
}

func (w *world) rotationDue(s *modelSession, now time.Time) bool {
	if w.rules.rotate == 0 || now.Sub(s.issued) < w.rules.rotate {
		return false
	}
	for _, t := range s.others {
		if t.state == "pending" && now.Sub(t.at) < w.rules.grace {
			return false
		}
	}
	return true
}
