package life_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/b4468f51/session/internal/life"
)

// Another site has made the request, and the browser may have left the token out.
func TestAnAnonymousTokenIsWithheldFromAnotherSitesRequest(t *testing.T) {
	for name, test := range map[string]struct {
		do       func(w *world, s *life.Session) error
		tokens   []string
		withheld bool
	}{
		"a first value":     {func(_ *world, s *life.Session) error { return set(s, "a", "x") }, nil, true},
		"a sign-in":         {func(w *world, s *life.Session) error { return login(w.host, s, "u") }, nil, false},
		"with a dead token": {func(_ *world, s *life.Session) error { return set(s, "a", "x") }, []string{"rubbish"}, false},
	} {
		w := newWorld(t)
		r := &request{ctx: t.Context(), lacks: true}
		s, err := w.load(w.host, &life.Visitor{Request: r}, test.tokens...)
		w.must(err)
		w.tell()
		w.must(errors.Join(test.do(w, s), s.Commit(t.Context(), false)))
		h := s.CloseHeader()
		w.is(name+": due", h.Due, !test.withheld)
		w.is(name+": the request hears of a token", len(r.due) == 1, !test.withheld)
		w.is(name+": told", strings.Contains(w.told(), life.Unannounced), test.withheld)
	}

	// A client that came with a token of its own, or was given one, has it.
	w := newWorld(t)
	r := &request{ctx: t.Context(), lacks: true}
	s, err := w.load(w.host, &life.Visitor{Request: r}, w.stored("", "a=x"))
	w.must(err)
	w.must(errors.Join(renew(s), s.Commit(t.Context(), false)))
	w.finds(w.token(s), ": a=x")
}
