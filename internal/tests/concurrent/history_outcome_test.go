package concurrent

import (
	"maps"
	"slices"
	"time"
)

// An outcome is what a request must come to.
type outcome struct {
	status int
	err    string // of what the handler did: "", "ended", "anonymous", "over"
	cookie string // "", "set" or "clear"

	token   *modelToken   // the one that is set
	session *modelSession // the one that the handler has at its end; nil where nothing is stored
}

// A deed is what a handler does with its session.
type deed struct {
	what       string
	key, value string
	lifetime   time.Duration
	subject    string
	status     int  // of the answer
	save       bool // before it
}

// finish has a request do something, and commits.
func (w *world) finish(r *modelRequest, d deed, now time.Time) outcome {
	failed := d.status >= 500 && !d.save
	if d.what == "logout" {
		return w.logout(r, d, now)
	}
	if r.ended && !slices.Contains([]string{"read", "lapsed", "login", "pop"}, d.what) { // Pop finds nothing
		return outcome{status: d.status, err: "ended"}
	}
	out := outcome{status: d.status}
	if d.what == "confirm" && (r.session == nil || r.subject == "") {
		out.err = "anonymous"
		d.what = "read"
	}
	if d.what == "lifetime" && !now.Before(r.start.Add(d.lifetime)) {
		out.err = "over"
		d.what = "read"
	}
	if d.what == "lapsed" && r.lapsed && !r.ended && len(r.several) == 0 {
		out.cookie = "clear"
	}
	switch {
	case failed, out.err != "" && d.status >= 500: // after an error nothing is saved
		return out
	case d.what == "login":
		return w.login(r, d, now)
	case r.session == nil:
		return w.fresh(r, d, now, out)
	default:
		return w.change(r, d, now, out)
	}
}

// logout happens at once, whatever the answer.
func (w *world) logout(r *modelRequest, d deed, now time.Time) outcome {
	out := outcome{status: d.status}
	switch {
	case r.ended:
		out.err = "ended"
	case len(r.presented) > 0:
		out.cookie = "clear"
		w.endSeveral(r, now)
		if r.session != nil {
			r.session.gone = true
		}
	}
	return out
}

// endSeveral ends the sessions of a request that brought several good tokens, as far
// as they are good still.
func (w *world) endSeveral(r *modelRequest, now time.Time) {
	for _, s := range r.several {
		for _, text := range r.presented {
			if of, standing := w.standing(text, now); of == s && (standing == "good" || standing == "pending" || standing == "retiring") {
				s.gone = true
			}
		}
	}
}

// fresh is what becomes of a request that has no session, or several.
func (w *world) fresh(r *modelRequest, d deed, now time.Time, out outcome) outcome {
	switch d.what {
	case "set", "append", "lifetime":
	default:
		return out
	}
	s := w.begin(now)
	s.created = r.begun
	w.apply(s, d)
	if d.what == "lifetime" {
		w.setLifetime(s, d.lifetime)
	}
	w.used(s, now)
	out.cookie, out.token, out.session = "set", s.current, s
	return out
}

// apply changes values, and tells whether that changed anything.
func (w *world) apply(s *modelSession, d deed) bool {
	old, ok := s.values[d.key]
	switch d.what {
	case "set":
		s.values[d.key] = d.value
		return !ok || old != d.value
	case "append":
		s.values[d.key] = old + d.value
	case "pop", "delete":
		delete(s.values, d.key)
		return ok
	case "clear":
		clear(s.values)
	default:
		return false
	}
	return true
}

func (w *world) setLifetime(s *modelSession, absolute time.Duration) {
	s.own.Absolute = absolute
	s.deadline = s.begun().Add(absolute)
}

// change is what becomes of a request that has a session.
func (w *world) change(r *modelRequest, d deed, now time.Time, out outcome) outcome {
	s, before := r.session, r.loaded
	if _, had := before[d.key]; !had && (d.what == "pop" || d.what == "delete") || d.what == "set" && before[d.key] == d.value && had {
		d.what = "read" // there is nothing to change
	}
	if w.lost(r, now) {
		if d.what != "read" && d.what != "lapsed" {
			return outcome{status: 409}
		}
		return out
	}
	if d.what == "pop" && s.values[d.key] != before[d.key] {
		return outcome{status: 409} // another request took or replaced it
	}
	out.session = s
	changed := w.apply(s, d)
	// What the client presented it holds: that comes before a new token.
	_, standing := w.standing(r.text, now)
	if standing == "pending" {
		w.confirm(r.token, now)
		changed = true
	}
	switch d.what {
	case "renew", "confirm":
		w.replace(s, now)
		out.cookie, out.token, changed = "set", s.current, true
		if d.what == "confirm" {
			s.authenticated = now
			s.deadline = now.Add(w.lifetimeOf(s))
		}
	case "lifetime":
		w.setLifetime(s, d.lifetime)
		out.cookie, out.token, changed = "set", w.issue(s, now), true
	default:
		// A request with nothing to write does not look again for what has become
		// due while it ran.
		writes := changed || !r.quiet || now.Sub(r.seen) >= w.rules.touch
		if standing == "good" && w.rotationDue(s, now) && writes {
			out.cookie, out.token, changed = "set", w.issue(s, now), true
		}
	}
	if changed {
		w.used(s, now)
	} else {
		w.touch(s, now)
	}
	return out
}

// login is what becomes of a sign-in.
func (w *world) login(r *modelRequest, d deed, now time.Time) outcome {
	s := r.session
	lost := w.lost(r, now)
	values := map[string]string{}
	switch {
	case s == nil && r.ended && r.subject == d.subject:
		values = r.loaded // a double click
	case lost && w.live(s, now) && s.subject == d.subject:
		if _, standing := w.standing(r.text, now); standing == "killed" {
			values = s.values // the same
		}
	}
	w.endSeveral(r, now)
	if s != nil && r.subject != "" && r.subject != d.subject {
		s.gone = true // the subject before does not come along
		s = nil
	}
	if s == nil || lost {
		s = w.begin(now)
		s.values = maps.Clone(values)
	} else {
		w.replace(s, now)
	}
	s.subject, s.authenticated, s.own.Absolute = d.subject, now, 0
	s.deadline = now.Add(w.rules.lifetime)
	if d.key != "" {
		s.values[d.key] = d.value
	}
	w.used(s, now)
	if !w.notBefore[d.subject].IsZero() && !r.begun.After(w.notBefore[d.subject]) {
		s.gone = true // its password may have been the old one
		return outcome{status: 409}
	}
	return outcome{status: d.status, cookie: "set", token: s.current, session: s}
}
