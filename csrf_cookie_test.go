package session_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session"
)

// A neighbour, on a sibling host or under another path, can plant cookies beside
// the client's own, in any order. Up to two of them stop no form.
func TestAFormOutlivesCookiesThatANeighbourPlants(t *testing.T) {
	p := newProbe(t, session.Config{Cookie: session.Cookie{Name: "id"}})
	c := p.client()
	token := c.formToken()
	own := "id-csrf=" + c.cookie("id-csrf")
	plant := func(ch string) string { return "id-csrf=" + strings.Repeat(ch, 43) }
	foreign := p.client()
	foreignToken := foreign.formToken()
	foreignCookie := "id-csrf=" + foreign.cookie("id-csrf")
	for name, tt := range map[string]struct {
		cookies []string
		token   string
		want    bool
	}{
		"behind":                 {[]string{own + "; " + plant("A")}, token, true},
		"before":                 {[]string{plant("A") + "; " + own}, token, true},
		"two lines":              {[]string{plant("A"), own}, token, true},
		"around":                 {[]string{plant("A") + "; " + own, plant("Q")}, token, true},
		"garbage":                {[]string{"id-csrf=x; " + own}, token, true},
		"the same twice":         {[]string{own + "; " + own}, token, true},
		"three":                  {[]string{plant("A") + "; " + plant("Q"), plant("g") + "; " + own}, token, false},
		"without one's own":      {[]string{plant("A") + "; " + plant("Q")}, token, false},
		"another client's token": {[]string{own + "; " + plant("A")}, foreignToken, false},
		"another client's own":   {[]string{foreignCookie + "; " + plant("A")}, foreignToken, true},
	} {
		p.saw()
		if got := c.accepts(tt.token, func(r *http.Request) { r.Header["Cookie"] = tt.cookies }); got != tt.want {
			t.Errorf("%s: accepted: %v, want %v", name, got, tt.want)
		}
		events := p.saw()
		switch {
		case tt.want && len(events) > 0, !tt.want && len(events) != 1:
			t.Errorf("%s: the events are %v", name, events)
		case name == "three" && (events[0].Kind != session.EventDuplicate || !strings.Contains(events[0].Err.Error(), "several cookies")):
			t.Errorf("%s: the event is %v", name, events[0])
		}
		// A form that is shown to such a client is good, whichever cookie it is made of.
		if name == "three" {
			continue
		}
		var fresh string
		c.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { fresh, _ = s.CSRFToken() }, func(r *http.Request) { r.Header["Cookie"] = tt.cookies })
		for _, order := range []func([]string){func([]string) {}, slices.Reverse[[]string]} {
			sent := slices.Clone(tt.cookies)
			order(sent)
			if !c.accepts(fresh, func(r *http.Request) { r.Header["Cookie"] = sent }) {
				t.Errorf("%s: its form is refused", name)
			}
		}
	}
}

// With the prefix __Host- browsers send one such cookie: two are no browser's.
func TestTwoCookiesWithTheHostPrefixAreRefused(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	token := c.formToken()
	p.saw()
	if c.accepts(token, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: formCookieName, Value: strings.Repeat("A", 43)}) }) {
		t.Error("it was accepted")
	}
	if events := p.saw(); len(events) != 1 || events[0].Kind != session.EventDuplicate || !errors.Is(events[0].Err, session.ErrCSRF) {
		t.Errorf("the events are %v", events)
	}
}

// A sibling host plants the cookie of a form that it was shown itself, and sends
// the form, say that of its own sign-in, in the victim's name. The victim is
// anonymous, with a session of their own, as one with a cart.
func TestSecurity_CS3_AnAnonymousVictimSendsNoPlantedForm(t *testing.T) {
	p := newProbe(t, session.Config{Cookie: session.Cookie{Name: "id"}})
	attacker := p.client()
	token := attacker.formToken()
	planted := &http.Cookie{Name: "id-csrf", Value: attacker.cookie("id-csrf")}
	victims := map[string]*client{
		"whose session came first":              p.client().must(set(t, "cart", 1)),
		"who was shown a form":                  p.client(),
		"whose session began with both cookies": p.client(),
	}
	both := victims["whose session began with both cookies"]
	both.formToken()
	if res := both.visit(set(t, "cart", 1), func(r *http.Request) {
		r.Header.Set("Cookie", planted.Name+"="+planted.Value+"; "+r.Header.Get("Cookie"))
	}); res.StatusCode != 200 {
		t.Fatal(res.Status)
	}
	before := victims["who was shown a form"].formToken()
	victims["who was shown a form"].must(set(t, "cart", 1))
	for name, victim := range victims {
		for where, plant := range map[string]func(r *http.Request){
			"beside": func(r *http.Request) { r.AddCookie(planted) },
			"before": func(r *http.Request) {
				r.Header.Set("Cookie", planted.Name+"="+planted.Value+"; "+r.Header.Get("Cookie"))
			},
			"in place of the own": func(r *http.Request) {
				r.Header.Set("Cookie", "id="+victim.cookie("id")+"; "+planted.Name+"="+planted.Value)
			},
		} {
			if victim.accepts(token, plant) {
				t.Errorf("a victim %s, planted %s: the attacker's form is accepted", name, where)
			}
		}
		victim.wants("<> cart=1")
		victim.mustAccept("its own form", victim.formToken(), true)
	}
	victims["who was shown a form"].mustAccept("the form of before the session", before, true)
}

// A form that is shown in the very response that begins the session is good.
func TestAFormOfTheFirstResponse(t *testing.T) {
	p := newProbe(t, session.Config{})
	save := func(r *http.Request, s *session.Session) { must(t, s.Save(r.Context())) }
	for name, order := range map[string][]string{
		"then the session": {"form", "set"}, "after it": {"set", "form"}, "after it is saved": {"set", "save", "form"}, "before it is saved": {"form", "set", "save"},
	} {
		c := p.client()
		var token string
		c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			for _, step := range order {
				switch step {
				case "form":
					token, _ = s.CSRFToken()
				case "set":
					must(t, s.Set("k", 1))
				case "save":
					save(r, s)
				}
			}
		})
		c.mustAccept(name, token, true)
		c.must(set(t, "k", 2))
		c.mustAccept(name+", later", token, true)
		c.wants("<> k=2")
	}
}

// Where the session outlives the browser, the forms of tabs that it restores do too.
func TestAFormOutlivesTheBrowserWhereTheSessionDoes(t *testing.T) {
	remember := func(s *session.Session) error {
		return s.SetLifetime(session.Lifetime{Absolute: 30 * day, Persistent: true})
	}
	long := session.Config{MaxLifetime: 30 * day}
	in := succeed(t, func(_ *http.Request, s *session.Session) error { return s.Login("u") })
	inFor := succeed(t, func(_ *http.Request, s *session.Session) error { return errors.Join(s.Login("u"), remember(s)) })
	for name, tt := range map[string]struct {
		cfg   session.Config
		steps []act // nil shows a form
		want  bool
	}{
		"all cookies, form first": {session.Config{Cookie: session.Cookie{Persistent: true}}, []act{nil, in, nil}, true},
		"all cookies, form last":  {session.Config{Cookie: session.Cookie{Persistent: true}}, []act{in, nil}, true},
		"a visitor":               {session.Config{Cookie: session.Cookie{Persistent: true}}, []act{nil}, true},
		"remembered, form first":  {long, []act{nil, inFor, nil}, true},
		"remembered, form last":   {long, []act{inFor, nil}, true},
		"not remembered":          {session.Config{}, []act{nil, in, nil}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, tt.cfg)
			c, kept := p.client(), map[string]*http.Cookie{}
			var token string
			form := act(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { token, _ = s.CSRFToken() })
			for _, step := range tt.steps {
				if step == nil {
					step = form
				}
				for _, ck := range c.visit(step).Cookies() {
					kept[ck.Name] = ck
				}
			}
			ages := map[int]bool{}
			restarted := p.client()
			for _, ck := range kept {
				if ck.MaxAge > 0 {
					ages[ck.MaxAge] = true
					restarted.jar.SetCookies(c.url, []*http.Cookie{ck})
				}
			}
			restarted.mustAccept("after the browser was closed", token, tt.want)
			if len(ages) > 1 {
				t.Errorf("the cookies have the ages %v", ages)
			}
		})
	}
}

// Run with the race detector: VerifyCSRF reads what a sign-in changes.
func TestATokenIsVerifiedBesideASignIn(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	token := c.formToken()
	c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 200 {
				s.VerifyCSRF(token)
			}
		}()
		for i := range 50 {
			must(t, s.Set("k", i), s.Login("u"))
		}
		<-done
	})
}
