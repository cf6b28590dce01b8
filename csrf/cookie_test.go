package csrf_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/internal/probe"
)

// A neighbour, on a sibling host or under another path, can plant cookies beside
// the client's own, in any order. Up to two of them stop no form.
func TestAFormOutlivesCookiesThatANeighbourPlants(t *testing.T) {
	p := probe.New(t, session.Config{Cookie: session.Cookie{Name: "id"}})
	c := p.Client()
	token := formToken(c)
	own := "id-csrf=" + c.Cookie("id-csrf")
	plant := func(ch string) string { return "id-csrf=" + strings.Repeat(ch, 43) }
	foreign := p.Client()
	foreignToken := formToken(foreign)
	foreignCookie := "id-csrf=" + foreign.Cookie("id-csrf")
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
		p.Saw()
		if got := accepts(c, tt.token, func(r *http.Request) { r.Header["Cookie"] = tt.cookies }); got != tt.want {
			t.Errorf("%s: accepted: %v, want %v", name, got, tt.want)
		}
		events := p.Saw()
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
		c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { fresh, _ = csrf.Token(s) }, func(r *http.Request) { r.Header["Cookie"] = tt.cookies })
		for _, order := range []func([]string){func([]string) {}, slices.Reverse[[]string]} {
			sent := slices.Clone(tt.cookies)
			order(sent)
			if !accepts(c, fresh, func(r *http.Request) { r.Header["Cookie"] = sent }) {
				t.Errorf("%s: its form is refused", name)
			}
		}
	}
}

// With the prefix __Host- browsers send one such cookie: two are no browser's.
func TestTwoCookiesWithTheHostPrefixAreRefused(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	token := formToken(c)
	p.Saw()
	if accepts(c, token, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: formCookieName, Value: strings.Repeat("A", 43)}) }) {
		t.Error("it was accepted")
	}
	if events := p.Saw(); len(events) != 1 || events[0].Kind != session.EventDuplicate || !errors.Is(events[0].Err, csrf.ErrRefused) {
		t.Errorf("the events are %v", events)
	}
}

// A sibling host plants the cookie of a form that it was shown itself, and sends
// the form, say that of its own sign-in, in the victim's name. The victim is
// anonymous, with a session of their own, as one with a cart.
func TestSecurity_CS3_AnAnonymousVictimSendsNoPlantedForm(t *testing.T) {
	p := probe.New(t, session.Config{Cookie: session.Cookie{Name: "id"}})
	attacker := p.Client()
	token := formToken(attacker)
	planted := &http.Cookie{Name: "id-csrf", Value: attacker.Cookie("id-csrf")}
	victims := map[string]*probe.Client{
		"whose session came first":              p.Client().Must(probe.Set(t, "cart", 1)),
		"who was shown a form":                  p.Client(),
		"whose session began with both cookies": p.Client(),
	}
	both := victims["whose session began with both cookies"]
	formToken(both)
	if res := both.Visit(probe.Set(t, "cart", 1), func(r *http.Request) {
		r.Header.Set("Cookie", planted.Name+"="+planted.Value+"; "+r.Header.Get("Cookie"))
	}); res.StatusCode != 200 {
		t.Fatal(res.Status)
	}
	before := formToken(victims["who was shown a form"])
	victims["who was shown a form"].Must(probe.Set(t, "cart", 1))
	for name, victim := range victims {
		for where, plant := range map[string]func(r *http.Request){
			"beside": func(r *http.Request) { r.AddCookie(planted) },
			"before": func(r *http.Request) {
				r.Header.Set("Cookie", planted.Name+"="+planted.Value+"; "+r.Header.Get("Cookie"))
			},
			"in place of the own": func(r *http.Request) {
				r.Header.Set("Cookie", "id="+victim.Cookie("id")+"; "+planted.Name+"="+planted.Value)
			},
		} {
			if accepts(victim, token, plant) {
				t.Errorf("a victim %s, planted %s: the attacker's form is accepted", name, where)
			}
		}
		victim.Wants("<> cart=1")
		mustAccept(victim, "its own form", formToken(victim), true)
	}
	mustAccept(victims["who was shown a form"], "the form of before the session", before, true)
}

// A form that is shown in the very response that begins the session is good.
func TestAFormOfTheFirstResponse(t *testing.T) {
	p := probe.New(t, session.Config{})
	save := func(r *http.Request, s *session.Session) { probe.Must(t, s.Save(r.Context())) }
	for name, order := range map[string][]string{
		"then the session": {"form", "set"}, "after it": {"set", "form"}, "after it is saved": {"set", "save", "form"}, "before it is saved": {"form", "set", "save"},
	} {
		c := p.Client()
		var token string
		c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			for _, step := range order {
				switch step {
				case "form":
					token, _ = csrf.Token(s)
				case "set":
					probe.Must(t, s.Set("k", 1))
				case "save":
					save(r, s)
				}
			}
		})
		mustAccept(c, name, token, true)
		c.Must(probe.Set(t, "k", 2))
		mustAccept(c, name+", later", token, true)
		c.Wants("<> k=2")
	}
}

// Where the session outlives the browser, the forms of tabs that it restores do too.
func TestAFormOutlivesTheBrowserWhereTheSessionDoes(t *testing.T) {
	const day = 24 * time.Hour
	remember := func(s *session.Session) error {
		return s.SetLifetime(session.Lifetime{Absolute: 30 * day, Persistent: true})
	}
	long := session.Config{MaxLifetime: 30 * day}
	in := probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Login("u") })
	inFor := probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return errors.Join(s.Login("u"), remember(s)) })
	for name, tt := range map[string]struct {
		cfg   session.Config
		steps []probe.Act // nil shows a form
		want  bool
	}{
		"all cookies, form first": {session.Config{Cookie: session.Cookie{Persistent: true}}, []probe.Act{nil, in, nil}, true},
		"all cookies, form last":  {session.Config{Cookie: session.Cookie{Persistent: true}}, []probe.Act{in, nil}, true},
		"a visitor":               {session.Config{Cookie: session.Cookie{Persistent: true}}, []probe.Act{nil}, true},
		"remembered, form first":  {long, []probe.Act{nil, inFor, nil}, true},
		"remembered, form last":   {long, []probe.Act{inFor, nil}, true},
		"not remembered":          {session.Config{}, []probe.Act{nil, in, nil}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, tt.cfg)
			c, kept := p.Client(), map[string]*http.Cookie{}
			var token string
			form := probe.Act(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { token, _ = csrf.Token(s) })
			for _, step := range tt.steps {
				if step == nil {
					step = form
				}
				for _, ck := range c.Visit(step).Cookies() {
					kept[ck.Name] = ck
				}
			}
			ages := map[int]bool{}
			restarted := p.Client()
			for _, ck := range kept {
				if ck.MaxAge > 0 {
					ages[ck.MaxAge] = true
					restarted.Jar.SetCookies(c.URL, []*http.Cookie{ck})
				}
			}
			mustAccept(restarted, "after the browser was closed", token, tt.want)
			if len(ages) > 1 {
				t.Errorf("the cookies have the ages %v", ages)
			}
		})
	}
}

// A form that was shown before is still good: nobody has signed in meanwhile.
func TestALifetimeLeavesFormsGood(t *testing.T) {
	const day = 24 * time.Hour
	p := probe.New(t, session.Config{MaxLifetime: 30 * day, MaxIdleTimeout: 14 * day})
	c := p.Client().Must(probe.Login(t, "u"))
	token := formToken(c)
	c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
		return s.SetLifetime(session.Lifetime{Absolute: 30 * day, Idle: 14 * day, Persistent: true})
	}))
	mustAccept(c, "a form of before", token, true)
	mustAccept(c, "a form of before, once the new token was seen", token, true)
}

// Run with the race detector: Verify reads what a sign-in changes.
func TestATokenIsVerifiedBesideASignIn(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	token := formToken(c)
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 200 {
				csrf.Verify(s, token)
			}
		}()
		for i := range 50 {
			probe.Must(t, s.Set("k", i), s.Login("u"))
		}
		<-done
	})
}
