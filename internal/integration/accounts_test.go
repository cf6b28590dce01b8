package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/flash"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/store"
)

// accounts is what the library does for those who are signed in, on every store
// that can list.
var accounts = []struct {
	name  string
	check func(t *testing.T, e *env)
}{
	{"devices_are_listed_and_signed_out", devices},
	{"a_login_that_began_before_a_revocation_fails", lateLogins},
	{"no_more_than_max_sessions_are_left", parallelLogins},
	{"a_remembered_session_outlives_the_others", remembered},
	{"a_step_up_lasts", stepUp},
	{"anonymous_visitors_fill_no_store", anonymousVisitors},
	{"the_token_travels_in_a_header", tokenInHeader},
	{"a_csrf_token_is_of_its_session", csrfTokens},
	{"a_flash_is_shown_once", flashes},
}

func TestAccounts(t *testing.T) {
	for _, a := range accounts {
		t.Run(a.name, func(t *testing.T) {
			for _, c := range storeCases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					open := c.open(t)
					a.check(t, &env{t: t, openCase: c.open, open: open, side: open()})
				})
			}
		})
	}
}

// idsOf returns the IDs of a subject's sessions.
func (m *machine) idsOf(subject string) []store.ID {
	m.t.Helper()
	infos, err := collect(m.List(m.t.Context(), subject))
	if err != nil {
		m.t.Error(err)
	}
	var ids []store.ID
	for _, info := range infos {
		ids = append(ids, info.ID)
	}
	return ids
}

// simple adds a handler whose error is answered with the status it suggests.
func (m *machine) simple(path string, f func(r *http.Request, s *session.Session) error) {
	m.handle(path, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := f(r, s); err != nil {
			http.Error(w, err.Error(), session.ErrorStatus(err))
		}
	})
}

func devices(t *testing.T, e *env) {
	a, b := e.newMachine(session.Config{Client: session.RequestClient}), e.newMachine(session.Config{Client: session.RequestClient})
	b.simple("/label", func(r *http.Request, s *session.Session) error { return s.SetLabel(r.URL.RawQuery) })
	b.simple("/others", func(r *http.Request, s *session.Session) error {
		n, err := b.RevokeOthers(r.Context(), s)
		equal(t, "sessions ended by RevokeOthers", n, 2)
		return err
	})
	here, hereID := e.signedIn(a, "u")
	there, thereID := e.signedIn(b, "u")
	elsewhere, elsewhereID := e.signedIn(a, "u")
	other, otherID := e.signedIn(a, "U") // another subject, whatever the store's collation
	here.get(b, "/label?Laptop").want("a label", http.StatusOK, "")

	infos, err := collect(a.List(t.Context(), "u"))
	if err != nil {
		t.Fatal(err)
	}
	byID := func(a, b store.ID) int { return slices.Compare(a[:], b[:]) }
	var ids []store.ID
	for _, info := range infos {
		ids = append(ids, info.ID)
		equal(t, "the subject", info.Subject, "u")
		equal(t, "the client", info.Client, session.Client{UserAgent: "Go-http-client/1.1", AddressFamily: "IPv4"})
		if info.AuthenticatedAt.IsZero() || info.Created.IsZero() || !info.Deadline.After(info.Expires) || info.Seen.IsZero() {
			t.Errorf("a device without its times: %+v", info)
		}
		equal(t, "the label", info.Label, map[bool]string{true: "Laptop"}[info.ID == hereID])
	}
	slices.SortFunc(ids, byID)
	want := []store.ID{hereID, thereID, elsewhereID}
	slices.SortFunc(want, byID)
	if !slices.Equal(ids, want) {
		t.Errorf("listed are %v, want %v", ids, want)
	}

	for _, tt := range []struct {
		subject string
		id      store.ID
		want    bool
	}{{"u", otherID, false}, {"U", thereID, false}, {"u", thereID, true}, {"u", thereID, false}} {
		ended, err := b.RevokeFor(t.Context(), tt.subject, tt.id)
		if err != nil || ended != tt.want {
			t.Errorf("RevokeFor: %v, %v; want %v", ended, err, tt.want)
		}
	}
	there.get(a, "/read").want("a device that was signed out", http.StatusOK, nobody)
	other.get(a, "/read").want("another user's", http.StatusOK, "U map[]")

	there, _ = e.signedIn(a, "u")
	here.get(b, "/others").want("sign out everywhere else", http.StatusOK, "")
	here.get(a, "/read").want("this device", http.StatusOK, "u map[]")
	there.get(a, "/read").want("another device", http.StatusOK, nobody)
	elsewhere.get(a, "/read").want("another device", http.StatusOK, nobody)
	other.get(b, "/read").want("another user's", http.StatusOK, "U map[]")
}

// lateLogins has all of a revocation happen, on another machine, before each
// call of the store that a sign-in makes.
func lateLogins(t *testing.T, e *env) {
	a, b := e.newMachine(session.Config{}), e.newMachine(session.Config{})
	for step := 0; ; step++ {
		subject := fmt.Sprint("u", step)
		c, guest := e.newClient(), e.newClient()
		guest.get(a, "/set?k=v").want("a guest", http.StatusOK, "")
		e.signedIn(b, subject)
		reached := false
		for _, c := range []*client{c, guest} {
			n := 0
			a.store.interfere(func(context.Context, string, store.ID) error {
				if n++; n-1 == step {
					reached = true
					if _, err := b.RevokeAll(t.Context(), subject); err != nil {
						t.Error(err)
					}
				}
				return nil
			})
			status := c.get(a, "/login?"+subject).status
			a.store.heal()
			if n <= step {
				equal(t, "status of an undisturbed sign-in", status, http.StatusOK)
				continue
			}
			if status != http.StatusConflict && status != http.StatusOK {
				t.Errorf("call %d: status %d", step, status)
			}
			if ids := b.idsOf(subject); len(ids) > 0 {
				t.Errorf("call %d: %d sessions of the subject are left", step, len(ids))
			}
			if got := c.get(b, "/read").body; strings.HasPrefix(got, subject) {
				t.Errorf("call %d: the client is signed in", step)
			}
			e.newClient().get(a, "/login?"+subject).want("a sign-in that comes later", http.StatusOK, "")
		}
		if !reached {
			if step < 3 {
				t.Errorf("a sign-in makes only %d calls", step)
			}
			return
		}
	}
}

func parallelLogins(t *testing.T, e *env) {
	for _, refuse := range []bool{false, true} {
		cfg := session.Config{MaxSessions: 3, RefuseLogin: refuse}
		machines := []*machine{e.newMachine(cfg), e.newMachine(cfg)}
		for round := range 3 {
			subject := fmt.Sprintf("u-%v-%d", refuse, round)
			clients := make([]*client, 20)
			statuses := make([]int, len(clients))
			var wg sync.WaitGroup
			for i := range clients {
				clients[i] = e.newClient()
				wg.Go(func() { statuses[i] = clients[i].get(machines[i%2], "/login?"+subject).status })
			}
			wg.Wait()
			ok := 0
			for _, status := range statuses {
				switch {
				case status == http.StatusOK:
					ok++
				case refuse && status == http.StatusForbidden, !refuse && status == http.StatusConflict:
				default:
					t.Errorf("refuse %v: status %d", refuse, status)
				}
			}
			alive := 0
			for _, c := range clients {
				if c.get(machines[0], "/read").body == subject+" map[]" {
					alive++
				}
			}
			equal(t, fmt.Sprintf("refuse %v: sessions at rest", refuse), len(machines[1].idsOf(subject)), 3)
			equal(t, fmt.Sprintf("refuse %v: clients that are signed in", refuse), alive, 3)
			if refuse {
				equal(t, "clients that were told so", ok, 3)
			}
			if last := e.newClient(); !refuse { // the newest is never the one that goes
				last.get(machines[0], "/login?"+subject).want("one more sign-in", http.StatusOK, "")
				last.get(machines[1], "/read").want("the newest", http.StatusOK, subject+" map[]")
				equal(t, "sessions at rest", len(machines[0].idsOf(subject)), 3)
			}
		}
	}
}

func remembered(t *testing.T, e *env) {
	m := e.newMachine(session.Config{MaxLifetime: 30 * 24 * time.Hour, MaxIdleTimeout: 14 * 24 * time.Hour})
	m.simple("/remember", func(_ *http.Request, s *session.Session) error {
		return s.SetLifetime(session.Lifetime{Absolute: 30 * 24 * time.Hour, Idle: 7 * 24 * time.Hour, Persistent: true})
	})
	c, id := e.signedIn(m, "u")
	forgotten, forgottenID := e.signedIn(m, "u")
	a := c.get(m, "/remember")
	a.newToken("/remember")
	if ck := a.header.Get("Set-Cookie"); !strings.Contains(ck, "; Max-Age=25919") && !strings.Contains(ck, "; Max-Age=2592000") {
		t.Errorf("the cookie is %q", ck)
	}
	for _, path := range []string{"/read", "/renew", "/set?k=v"} {
		e.age(id, 6*24*time.Hour)
		c.get(m, path).want(path, http.StatusOK, map[bool]string{true: "u map[]"}[path == "/read"])
	}
	e.age(forgottenID, 2*time.Hour)
	forgotten.get(m, "/read").want("another session, after two hours", http.StatusOK, nobody)
	c.get(m, "/read").want("a remembered one", http.StatusOK, "u map[k:v]")
	if infos, err := collect(m.List(t.Context(), "u")); err != nil || len(infos) != 1 ||
		time.Until(infos[0].Deadline) > 12*24*time.Hour || time.Until(infos[0].Expires) < 6*24*time.Hour {
		t.Errorf("listed: %+v, %v", infos, err)
	}
	e.age(id, 8*24*time.Hour)
	c.get(m, "/read").want("after eight days without use", http.StatusOK, nobody)
}

func stepUp(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	m.simple("/confirm", func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(2) })
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") })
	m.mux.Handle("/subject", guard.RequireSubject("/signin")(next))
	m.mux.Handle("/recent", guard.RequireRecent(10*time.Minute, "/confirm")(next))
	m.mux.Handle("/level", guard.RequireLevel(2, "")(next))

	open := func(c *client, path string) answer { // as a browser opens a page
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		return c.do(m, req)
	}
	a := open(e.newClient(), "/subject?a=b")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/signin?return_to="+url.QueryEscape("/subject?a=b") {
		t.Errorf("a stranger: status %d, Location %q", a.status, a.header.Get("Location"))
	}
	c, id := e.signedIn(m, "u")
	c.get(m, "/subject").want("signed in", http.StatusOK, "secret")
	c.get(m, "/recent").want("signed in just now", http.StatusOK, "secret")
	equal(t, "status below the level", c.get(m, "/level").status, http.StatusUnauthorized)
	e.age(id, 11*time.Minute)
	equal(t, "status later", open(c, "/recent").status, http.StatusSeeOther)

	old := c.token(m)
	c.get(m, "/confirm").newToken("a step-up")
	m.as(old, "/read").want("the token of before", http.StatusOK, nobody)
	c.get(m, "/recent").want("after a step-up", http.StatusOK, "secret")
	c.get(m, "/level").want("after a step-up", http.StatusOK, "secret")
	c.get(m, "/renew").newToken("renew")
	c.get(m, "/level").want("after a renewal", http.StatusOK, "secret")
	if infos, err := collect(m.List(t.Context(), "u")); err != nil || len(infos) != 1 || infos[0].Level != 2 {
		t.Errorf("listed: %+v, %v", infos, err)
	}
	c.get(m, "/login?u").newToken("another sign-in")
	equal(t, "status after another sign-in", c.get(m, "/level").status, http.StatusUnauthorized)
}

func anonymousVisitors(t *testing.T, e *env) {
	m := e.newMachine(session.Config{AdmitAnonymous: session.LimitRate(5, time.Hour), AnonymousLifetime: 10 * time.Minute})
	user, _ := e.signedIn(m, "u")
	var admitted []*client
	for range 50 {
		c := e.newClient()
		switch a := c.get(m, "/set?k=v"); a.status {
		case http.StatusOK:
			admitted = append(admitted, c)
		case http.StatusTooManyRequests:
			a.wantNoCookie("a refused visitor")
		default:
			t.Errorf("status %d", a.status)
		}
	}
	equal(t, "visitors admitted", len(admitted), 5)
	equal(t, "records", e.live(), 6)
	user.get(m, "/set?k=v").want("a user", http.StatusOK, "")
	e.newClient().get(m, "/login?u").want("a sign-in", http.StatusOK, "")
	e.age(idOf(t, admitted[0].token(m)), 10*time.Minute)
	admitted[0].get(m, "/read").want("a visitor, after ten minutes", http.StatusOK, nobody)
	admitted[1].get(m, "/read").want("another", http.StatusOK, "nobody map[k:v]")
}

func tokenInHeader(t *testing.T, e *env) {
	m := e.newMachine(session.Config{Header: "Authorization"})
	token := ""
	get := func(path, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		a := e.newClient().do(m, req)
		a.want(path, http.StatusOK, body)
		a.wantNoCookie(path)
		if tokens, ok := a.header["Session-Token"]; ok {
			token = tokens[0]
		}
	}
	get("/login?u", "")
	get("/set?k=v", "")
	get("/read", "u map[k:v]")
	signedIn := token
	get("/logout", "")
	equal(t, "the token after sign-out", token, "")
	token = signedIn
	get("/read", nobody)
}

func csrfTokens(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	m.handle("/form", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		token, err := csrf.Token(s)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, token)
	})
	m.mux.Handle("/send", csrf.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "sent") })))
	send := func(c *client, token string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.server.URL+"/send", strings.NewReader(url.Values{"csrf_token": {token}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return c.do(m, req).status
	}
	c := e.newClient()
	var token string
	calls := m.store.during(func() {
		token = c.get(m, "/form").body
		equal(t, "status of a visitor's form", send(c, token), http.StatusOK)
	})
	equal(t, "calls of the store for a visitor's form", len(calls), 0)
	c.get(m, "/login?u").newToken("login")
	equal(t, "status after the sign-in", send(c, token), http.StatusForbidden)
	token = c.get(m, "/form").body
	equal(t, "status of the form", send(c, token), http.StatusOK)
	c.get(m, "/set?k=v").want("a change", http.StatusOK, "")
	equal(t, "status after a change", send(c, token), http.StatusOK)
	other, _ := e.signedIn(m, "u")
	other.get(m, "/form")
	equal(t, "status in another session", send(other, token), http.StatusForbidden)
	c.get(m, "/renew").newToken("renew")
	equal(t, "status after a renewal", send(c, token), http.StatusForbidden)
}

func flashes(t *testing.T, e *env) {
	notices := flash.New[string]("notices")
	machines := []*machine{e.newMachine(session.Config{}), e.newMachine(session.Config{})}
	for _, m := range machines {
		m.simple("/add", func(r *http.Request, s *session.Session) error { return notices.Add(s, r.URL.RawQuery) })
		m.handle("/take", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			texts, err := notices.Take(r, s)
			if err != nil {
				http.Error(w, err.Error(), session.ErrorStatus(err))
				return
			}
			io.WriteString(w, strings.Join(texts, " "))
		})
	}
	c, _ := e.signedIn(machines[0], "u")
	const n = 20
	var mu sync.Mutex
	var shown []string
	take := func(m *machine) {
		a := c.get(m, "/take")
		if a.status != http.StatusOK || a.err != nil {
			t.Errorf("take: status %d, error %v, %q", a.status, a.err, a.body)
		}
		mu.Lock()
		defer mu.Unlock()
		shown = append(shown, strings.Fields(a.body)...)
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { c.get(machines[i%2], fmt.Sprintf("/add?%02d", i)).want("add", http.StatusOK, "") })
		if i%3 == 0 {
			wg.Go(func() { take(machines[i/3%2]) })
		}
	}
	wg.Wait()
	take(machines[0])
	slices.Sort(shown)
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("%02d", i))
	}
	if !slices.Equal(shown, want) {
		t.Errorf("shown were %q, want each of %d once", shown, n)
	}
}
