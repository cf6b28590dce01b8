package life_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/life"
)

func TestTheHeaderHasWhatTheClientIsToldOnce(t *testing.T) {
	for name, test := range map[string]struct {
		do        func(w *world) *life.Session
		due, used bool
		clears    bool
	}{
		"no token, nothing done":   {func(w *world) *life.Session { return w.visit() }, false, false, false},
		"no token, but looked at":  {func(w *world) *life.Session { s := w.visit(); s.Use(); return s }, false, true, false},
		"no token, a value looked": {func(w *world) *life.Session { s := w.visit(); s.Lookup("a"); return s }, false, true, false},
		"no token, the ID known":   {func(w *world) *life.Session { s := w.visit(); s.KnownID(); return s }, false, false, false},
		"a token":                  {func(w *world) *life.Session { return w.visit(w.stored("", "a=x")) }, false, true, false},
		"a first value":            {func(w *world) *life.Session { s := w.visit(); w.must(set(s, "a", "x")); return s }, true, true, false},
		"a destroyed session": {func(w *world) *life.Session {
			s := w.visit(w.stored("", "a=x"))
			w.must(s.Destroy(w.t.Context(), func() {}))
			return s
		}, true, true, true},
		"a destroyed session, used again": {func(w *world) *life.Session {
			s := w.visit(w.stored("", "a=x"))
			w.must(errors.Join(s.Destroy(w.t.Context(), func() {}), set(s, "a", "x")))
			return s
		}, true, true, false},
		"a dead token, destroyed": {func(w *world) *life.Session {
			s := w.visit("rubbish")
			w.must(s.Destroy(w.t.Context(), func() {}))
			return s
		}, true, true, true},
		"destroyed when it was told": {func(w *world) *life.Session {
			s := w.visit()
			w.must(errors.Join(set(s, "a", "x"), s.Save(w.t.Context())))
			w.token(s)
			w.must(s.Destroy(w.t.Context(), func() {}))
			return s
		}, true, true, true},
		"destroyed twice": {func(w *world) *life.Session {
			s := w.visit(w.stored("", "a=x"))
			w.must(s.Destroy(w.t.Context(), func() { s.TakeToken() }))
			w.must(s.Destroy(w.t.Context(), func() {}))
			return s
		}, false, true, false},
		"stored unasked, as by Start": {func(w *world) *life.Session {
			s := w.visit()
			w.must(s.Commit(w.t.Context(), true))
			return s
		}, true, true, false},
		"destroyed without a token": {func(w *world) *life.Session {
			s := w.visit()
			w.must(s.Destroy(w.t.Context(), func() {}))
			return s
		}, false, true, false},
	} {
		w := newWorld(t)
		s := test.do(w)
		w.must(s.Commit(t.Context(), false))
		h := s.CloseHeader()
		w.is(name+": due", h.Due, test.due)
		w.is(name+": used", h.Used, test.used)
		w.is(name+": clears", h.Due && h.Token.Text == "", test.clears)
		w.is(name+": closed", s.HeaderClosed(), true)
		if h = s.CloseHeader(); h.Due {
			t.Errorf("%s: it is due twice", name)
		}
	}
}

// A header is closed without a commit if there is nothing to commit.
func TestOnlyAHeaderWithNothingToCommitIsClosedAtOnce(t *testing.T) {
	synctest.Test(t, testCloseReadHeader)
}

func testCloseReadHeader(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(w *world) *life.Session
		want bool
	}{
		"nobody":      {func(w *world) *life.Session { return w.visit() }, true},
		"only read":   {func(w *world) *life.Session { return w.visit(w.stored("", "a=x")) }, true},
		"a change":    {func(w *world) *life.Session { s := w.visit(w.stored("", "a=x")); w.must(set(s, "b", "y")); return s }, false},
		"a first one": {func(w *world) *life.Session { s := w.visit(); w.must(set(s, "b", "y")); return s }, false},
		"a sign-in":   {func(w *world) *life.Session { s := w.visit(); w.must(login(w.host, s, "u")); return s }, false},
		"a lost one":  {lostChange, false},
		"its use":     {func(w *world) *life.Session { token := w.stored("", "a=x"); time.Sleep(touch); return w.visit(token) }, false},
		"a slow one":  {func(w *world) *life.Session { s := w.visit(w.stored("", "a=x")); time.Sleep(touch); return s }, false},
		"a rotation": {func(w *world) *life.Session {
			token := w.stored("", "a=x")
			time.Sleep(rotateEvery)
			return w.visit(token)
		}, false},
		"just reloaded": {func(w *world) *life.Session {
			s := w.visit(w.stored("", "a=x"))
			w.must(s.Reload(w.t.Context()))
			return s
		}, false},
		"passive": {func(w *world) *life.Session {
			token := w.stored("", "a=x")
			time.Sleep(touch)
			s, err := w.load(w.host, &life.Visitor{Passive: true}, token)
			w.must(err)
			return s
		}, true},
	} {
		w := newWorld(t, rotating)
		s := test.do(w)
		w.written()
		var h life.Header
		ok := s.CloseReadHeader(&h)
		w.is(name, ok, test.want)
		w.is(name+": closed", s.HeaderClosed(), test.want)
		w.is(name+": due", h.Due, false)
		w.is(name+": writes", w.written(), 0)
	}

	// A token that is due goes with it.
	w := newWorld(t)
	s := w.visit(w.stored("", "a=x"))
	w.must(s.Destroy(t.Context(), func() {}))
	var h life.Header
	if !s.CloseReadHeader(&h) || !h.Due || h.Token.Text != "" {
		t.Errorf("after a Destroy the header is %+v", h)
	}
}

// What the header has to carry is an error once that has left.
func TestAClosedHeaderRefusesWhatNeedsACookie(t *testing.T) {
	login := func(w *world, s *life.Session) error { return login(w.host, s, "u") }
	lifetime := func(_ *world, s *life.Session) error { return s.Sign(change.Lifetime, change.Signing{}) }
	for name, test := range map[string]struct {
		do            func(w *world, s *life.Session) error
		fresh, stored error
	}{
		"Set":      {func(_ *world, s *life.Session) error { return set(s, "b", "y") }, life.ErrHeadersSent, nil},
		"Update":   {func(_ *world, s *life.Session) error { return count(s, "n") }, life.ErrHeadersSent, nil},
		"Delete":   {func(_ *world, s *life.Session) error { return remove(s, "a") }, nil, nil},
		"Login":    {login, life.ErrHeadersSent, life.ErrHeadersSent},
		"Renew":    {func(_ *world, s *life.Session) error { return renew(s) }, life.ErrHeadersSent, life.ErrHeadersSent},
		"Lifetime": {lifetime, life.ErrHeadersSent, life.ErrHeadersSent},
		"Ready":    {func(_ *world, s *life.Session) error { return s.Ready() }, life.ErrHeadersSent, nil},
	} {
		for phase, want := range map[string]error{"fresh": test.fresh, "stored": test.stored} {
			w := newWorld(t)
			s, token := w.visit(), ""
			if phase == "stored" {
				token = w.stored("", "a=x")
				s = w.visit(token)
			}
			s.CloseHeader()
			w.fails(phase+", "+name, test.do(w, s), want)
			w.must(s.Commit(t.Context(), false))
			if s.ReopenHeader(); s.HeaderClosed() {
				t.Error("a header is closed after ReopenHeader")
			}
			w.must(test.do(w, s))
		}
	}

	// What is pending when the header leaves fails with its commit.
	w := newWorld(t)
	s := w.visit()
	w.must(set(s, "a", "x"))
	s.CloseHeader()
	w.fails("Commit", s.Commit(t.Context(), false), life.ErrHeadersSent)
	w.fails("Save", s.Save(t.Context()), life.ErrHeadersSent)
	w.is("then it shows", shows(s), ":")
	w.fails("for Start", s.Commit(t.Context(), true), life.ErrHeadersSent)
	w.is("writes", w.written(), 0)

	token := w.stored("", "a=x")
	s = w.visit(token)
	w.must(errors.Join(set(s, "b", "y"), renew(s)))
	s.CloseHeader()
	w.fails("Commit of a renewal", s.Commit(t.Context(), false), life.ErrHeadersSent)
	w.finds(token, ": a=x")

	// A destroyed session cannot be cleared any more.
	s = w.visit(w.stored("", "a=x"))
	s.CloseHeader()
	w.must(s.Destroy(t.Context(), func() {}))
	w.is("a token is due", s.Owes(), false)
}

// An error is answered in the place of the handler: what it has saved before is still told.
func TestAFailedRequestTellsWhatWasSavedBefore(t *testing.T) {
	w := newWorld(t)
	s := w.visit()
	w.must(errors.Join(set(s, "a", "x"), s.Save(t.Context()), set(s, "b", "y")))
	s.Fail(errLost)
	w.is("closed", s.HeaderClosed(), true)
	w.is("it shows", shows(s), ": a=x")
	w.fails("Renew", renew(s), errLost)
	w.fails("Set", set(s, "c", "z"), errLost)
	h := s.CloseHeader()
	w.is("a token is due", h.Due && h.Used, true)
	w.finds(h.Token.Text, ": a=x")

	nobody := w.visit()
	nobody.Fail(errLost)
	w.is("the answer to nobody depends on the token", nobody.CloseHeader().Used, true)
}

// What the client misses without a header of ours.
func TestWhatAHeaderIsNeededFor(t *testing.T) {
	synctest.Test(t, testNeedsHeader)
}

func testNeedsHeader(t *testing.T) {
	saved := func(w *world, s *life.Session) { w.must(s.Save(w.t.Context())) }
	for name, test := range map[string]struct {
		do                func(w *world) *life.Session
		needs, owes, lost bool
	}{
		"nobody":        {func(w *world) *life.Session { return w.visit() }, false, false, false},
		"only read":     {func(w *world) *life.Session { return w.visit(w.stored("", "a=x")) }, false, false, false},
		"a change":      {func(w *world) *life.Session { s := w.visit(w.stored("", "a=x")); w.must(set(s, "b", "y")); return s }, false, true, false},
		"a first value": {func(w *world) *life.Session { s := w.visit(); w.must(set(s, "b", "y")); return s }, true, true, false},
		"a renewal":     {func(w *world) *life.Session { s := w.visit(w.stored("", "a=x")); w.must(renew(s)); return s }, true, true, false},
		"a token that is due": {func(w *world) *life.Session {
			s := w.visit()
			w.must(set(s, "a", "x"))
			saved(w, s)
			return s
		}, true, true, true},
		"a logout": {func(w *world) *life.Session {
			s := w.visit(w.stored("", "a=x"))
			w.must(s.Destroy(w.t.Context(), func() {}))
			return s
		}, true, true, true},
		"a dead token": {func(w *world) *life.Session {
			s := w.visit("rubbish")
			s.Lapsed(true)
			return s
		}, false, false, false},
	} {
		for what, ask := range map[string]func(s *life.Session) (got, want bool){
			"needs": func(s *life.Session) (bool, bool) { return s.NeedsHeader(), test.needs },
			"owes":  func(s *life.Session) (bool, bool) { return s.Owes(), test.owes },
			"lost":  func(s *life.Session) (bool, bool) { return s.LoseHeader(), test.lost },
		} {
			got, want := ask(test.do(newWorld(t)))
			newWorld(t).is(name+": "+what, got, want)
		}
	}

	// Without a header there is no rotation: nobody could tell the client.
	for name, lose := range map[string]func(s *life.Session){
		"LoseHeader":  func(s *life.Session) { s.LoseHeader() },
		"NeedsHeader": func(s *life.Session) { s.NeedsHeader() },
		"CloseHeader": func(s *life.Session) { s.CloseHeader() },
		"nothing":     func(*life.Session) {},
	} {
		w := newWorld(t, rotating)
		token := w.stored("", "a=x")
		time.Sleep(rotateEvery)
		s := w.visit(token)
		lose(s)
		w.must(s.Commit(t.Context(), false))
		w.is("rotates after "+name, s.Owes(), name == "nothing")
	}
	w := newWorld(t)
	s := w.visit()
	s.LoseHeader()
	w.fails("Set after LoseHeader", set(s, "a", "x"), life.ErrHeadersSent)
	w.is("a session has a header before GiveHeader", s.HasHeader(), false)
	s.GiveHeader()
	w.is("and after it", s.HasHeader(), true)
}
