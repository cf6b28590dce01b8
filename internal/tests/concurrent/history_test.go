package concurrent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store/memstore"
)

// TestHistories has several browsers, on two machines, do what comes to mind,
// with a thief among them who keeps every token that was ever given out. Each
// answer must be the one that a model gives, which knows the documentation alone.
func TestHistories(t *testing.T) {
	histories, steps := 150, 60
	if os.Getenv("SESSION_SOAK") != "" {
		histories = 20_000
	}
	for seed := range histories {
		synctest.Test(t, func(t *testing.T) { newHistory(t, uint64(seed)).run(steps) })
		if t.Failed() {
			t.Fatalf("in the history of seed %d", seed)
		}
	}
}

// A history is one run of the browsers and the model beside each other.
type history struct {
	t        *testing.T
	chance   *rand.Rand
	world    *world
	machines []*session.Manager
	held     []string // by browser
	stolen   []string // every token that there ever was
	under    []*underWay
	values   int // counts those that were set
	log      []string
}

// historyBrowsers and historySubjects are few, so that they meet.
const historyBrowsers = 3

var historySubjects = []string{"alice", "bob"}

func newHistory(t *testing.T, seed uint64) *history {
	chance := rand.New(rand.NewPCG(seed, 1))
	rules := historyRules{
		lifetime: 10 * time.Hour, anonymous: 2 * time.Hour, idle: time.Hour, touch: time.Minute,
		grace: 20 * time.Second, slow: time.Minute,
	}
	if chance.IntN(2) == 0 {
		rules.rotate = 5 * time.Minute
	}
	h := &history{
		t: t, chance: chance, held: make([]string, historyBrowsers),
		world: &world{rules: rules, tokens: map[string]*modelToken{}, notBefore: map[string]time.Time{}},
	}
	st := memstore.New()
	for range 2 {
		m, err := session.NewManager(st, session.Config{
			Lifetime: rules.lifetime, AnonymousLifetime: rules.anonymous, IdleTimeout: rules.idle, TouchInterval: rules.touch,
			Grace: rules.grace, RotateEvery: rules.rotate, MaxLifetime: 30 * 24 * time.Hour,
			App: "app", Cookie: session.Cookie{Name: "id"}, // of this name there can be several
			Observer: func(context.Context, session.Event) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		h.machines = append(h.machines, m)
	}
	t.Cleanup(func() {
		for _, m := range h.machines {
			m.Close()
		}
	})
	return h
}

func (h *history) run(steps int) {
	for range steps {
		time.Sleep([]time.Duration{
			time.Second, time.Second, 2 * time.Second, 5 * time.Second, 30 * time.Second,
			3 * time.Minute, 10 * time.Minute, 61 * time.Minute,
		}[min(h.chance.IntN(12), h.chance.IntN(12), 7)])
		switch h.chance.IntN(10) {
		case 0:
			h.administrate()
		case 1, 2:
			h.begin(h.request())
		case 3, 4:
			if len(h.under) > 0 {
				u := h.under[0]
				h.under = h.under[1:]
				h.end(u)
				continue
			}
			fallthrough
		default:
			h.end(h.begin(h.request()))
			h.under = h.under[:len(h.under)-1]
		}
		if h.t.Failed() {
			break
		}
	}
	for _, u := range h.under {
		h.end(u)
	}
	if h.t.Failed() {
		h.t.Logf("the last steps:\n%s", strings.Join(h.log[max(0, len(h.log)-25):], "\n"))
	}
}

// An underWay is a request whose handler has read its session, and waits.
type underWay struct {
	who    int // the browser, or -1 for the thief
	tokens []string
	deed   deed
	lost   bool // its answer will not arrive
	model  *modelRequest
	saw    *snapshot
	after  *snapshot
	err    error
	goOn   chan struct{}
	done   chan *httptest.ResponseRecorder
}

// A snapshot is what a handler reads.
type snapshot struct {
	id      session.ID
	subject string
	values  map[string]string
	isNew   bool
}

func snapshotOf(s *session.Session) *snapshot {
	snap := &snapshot{subject: s.Subject(), values: map[string]string{}, isNew: s.IsNew()}
	if !snap.isNew {
		snap.id = s.ID()
	}
	for key := range s.Keys() {
		snap.values[key], _ = s.Get(key).(string)
	}
	return snap
}

// request makes up a request of a browser, or of the thief.
func (h *history) request() *underWay {
	u := &underWay{who: h.chance.IntN(historyBrowsers), lost: h.chance.IntN(10) == 0}
	if h.chance.IntN(5) == 0 && len(h.stolen) > 0 {
		u.who = -1
		u.tokens = []string{h.stolen[h.chance.IntN(len(h.stolen))]}
	} else if h.held[u.who] != "" {
		u.tokens = []string{h.held[u.who]}
	}
	if h.chance.IntN(20) == 0 && len(u.tokens) > 0 { // somebody has planted another
		planted := h.stolen[len(h.stolen)-1-h.chance.IntN(min(5, len(h.stolen)))]
		if planted != u.tokens[0] {
			u.tokens = append(u.tokens, planted)
		}
	}
	h.values++
	d := deed{
		status: http.StatusOK, key: []string{"a", "b"}[h.chance.IntN(2)], value: fmt.Sprint("v", h.values),
		subject:  historySubjects[h.chance.IntN(len(historySubjects))],
		lifetime: []time.Duration{30 * time.Minute, 3 * time.Hour, 5 * 24 * time.Hour}[h.chance.IntN(3)],
	}
	d.what = []string{
		"read", "read", "lapsed", "set", "set", "set", "append", "append", "pop", "delete", "clear",
		"login", "login", "login", "logout", "renew", "confirm", "lifetime",
	}[h.chance.IntN(18)]
	if d.what == "login" && h.chance.IntN(2) == 0 {
		d.key = ""
	}
	if d.what == "set" && h.chance.IntN(5) == 0 {
		d.value = "the same"
	}
	if h.chance.IntN(10) == 0 {
		d.status = http.StatusInternalServerError
		d.save = h.chance.IntN(3) == 0
	}
	u.deed = d
	return u
}

// begin starts a request, and compares what its handler reads.
func (h *history) begin(u *underWay) *underWay {
	u.goOn, u.done = make(chan struct{}), make(chan *httptest.ResponseRecorder, 1)
	m := h.machines[h.chance.IntN(len(h.machines))]
	handler := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		u.saw = snapshotOf(s)
		<-u.goOn
		u.err = u.deed.do(r.Context(), s)
		u.after = snapshotOf(s)
		w.WriteHeader(u.deed.status)
	}))
	r := httptest.NewRequest("GET", "/", nil)
	var cookies []string
	for _, token := range u.tokens {
		cookies = append(cookies, "id="+token)
	}
	if len(cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	u.model = h.world.load(u.tokens, time.Now())
	h.note("%s begins: %s", u, describe(u.model))
	go func() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		u.done <- w
	}()
	synctest.Wait()
	h.under = append(h.under, u)
	if u.saw == nil {
		h.t.Errorf("%s: the handler does not run: %v", u, (<-u.done).Code)
		return u
	}
	subject, values, isNew := u.model.reads()
	if u.saw.subject != subject || u.saw.isNew != isNew || !maps.Equal(u.saw.values, values) {
		h.t.Errorf("%s reads %q %v, new %v; want %q %v, new %v", u, u.saw.subject, u.saw.values, u.saw.isNew, subject, values, isNew)
	}
	if s := u.model.session; s != nil && s.id != u.saw.id {
		h.t.Errorf("%s has the session %v, want %v", u, u.saw.id, s.id)
	}
	return u
}

// do does with a session what a deed says.
func (d deed) do(ctx context.Context, s *session.Session) (err error) {
	switch d.what {
	case "lapsed":
		s.Lapsed()
	case "set":
		err = s.Set(d.key, d.value)
	case "append":
		err = session.NewKey[string](d.key).Update(s, func(old string) (string, error) { return old + d.value, nil })
	case "pop":
		s.Pop(d.key)
	case "delete":
		err = s.Delete(d.key)
	case "clear":
		err = s.Clear()
	case "login":
		if err = s.Login(d.subject); err == nil && d.key != "" {
			err = s.Set(d.key, d.value)
		}
	case "logout":
		err = s.Destroy(ctx)
	case "renew":
		err = s.Renew()
	case "confirm":
		err = s.Reauthenticate(1)
	case "lifetime":
		err = s.SetLifetime(session.Lifetime{Absolute: d.lifetime})
	}
	if d.save && err == nil {
		s.Save(ctx) // its error shows in what is there afterwards
	}
	return err
}

// end lets a request go on, and compares its answer.
func (h *history) end(u *underWay) {
	if h.t.Failed() {
		select {
		case u.goOn <- struct{}{}:
			<-u.done
		default:
		}
		return
	}
	u.goOn <- struct{}{}
	w := <-u.done
	want := h.world.finish(u.model, u.deed, time.Now())
	h.note("%s ends: %d, %v", u, w.Code, u.err)
	if u.deed.save && want.status == http.StatusConflict {
		want.status, want.cookie = http.StatusInternalServerError, ""
	}
	if w.Code != want.status {
		h.t.Errorf("%s is answered %d (%v), want %d", u, w.Code, u.err, want.status)
	}
	if got := errors.Is(u.err, session.ErrEnded); got != (want.err == "ended") || (u.err != nil) != (want.err != "") {
		h.t.Errorf("%s meets %v, want %q", u, u.err, want.err)
	}
	cookie, token := "", ""
	for _, c := range w.Result().Cookies() {
		switch {
		case cookie != "":
			h.t.Errorf("%s sets several cookies", u)
		case c.MaxAge < 0:
			cookie = "clear"
		default:
			cookie, token = "set", c.Value
		}
	}
	if cookie != want.cookie {
		h.t.Errorf("%s has the cookie %q, want %q", u, cookie, want.cookie)
	}
	if want.token != nil && token != "" {
		h.world.tokens[token] = want.token
		h.stolen = append(h.stolen, token)
		raw, _ := probe.RawToken(h.t, token)
		id := session.ID(raw)
		if want.session.id.IsZero() {
			want.session.id = id
			for _, other := range h.world.sessions {
				if other != want.session && other.id == id {
					h.t.Errorf("%s gets a session with the ID of another", u)
				}
			}
		} else if id != want.session.id {
			h.t.Errorf("%s gets a token for the session %v, want %v", u, id, want.session.id)
		}
	}
	if u.who >= 0 && !u.lost && cookie != "" {
		h.held[u.who] = token
	}
}

// administrate does what no request does: on all sessions of a subject, or on one.
func (h *history) administrate() {
	m, ctx, now := h.machines[h.chance.IntN(len(h.machines))], h.t.Context(), time.Now()
	subject := historySubjects[h.chance.IntN(len(historySubjects))]
	var live []*modelSession
	for _, s := range h.world.sessions {
		if h.world.live(s, now) && s.subject == subject {
			live = append(live, s)
		}
	}
	switch h.chance.IntN(4) {
	case 0:
		h.note("all sessions of %s are revoked", subject)
		n, err := m.RevokeAll(ctx, subject)
		if err != nil || n != len(live) {
			h.t.Errorf("RevokeAll of %s: %d, %v, want %d", subject, n, err, len(live))
		}
		for _, s := range live {
			s.gone = true
		}
		h.world.notBefore[subject] = now
	case 1:
		want := make([]session.ID, 0)
		for _, s := range live {
			want = append(want, s.id)
		}
		got := make([]session.ID, 0)
		for info, err := range m.List(ctx, subject) {
			if err != nil {
				h.t.Errorf("List: %v", err)
			}
			got = append(got, info.ID)
		}
		byText := func(a, b session.ID) int { return strings.Compare(a.String(), b.String()) }
		slices.SortFunc(want, byText)
		slices.SortFunc(got, byText)
		if !slices.Equal(got, want) {
			h.t.Errorf("the sessions of %s are %v, want %v", subject, got, want)
		}
	default:
		if len(h.world.sessions) == 0 {
			return
		}
		s := h.world.sessions[h.chance.IntN(len(h.world.sessions))]
		h.values++
		value := fmt.Sprint("job", h.values)
		h.note("a job sets a = %s in %v", value, s.id)
		err := m.Edit(ctx, s.id, func(s *session.Session) error { return s.Set("a", value) })
		if live := h.world.live(s, now); (err == nil) != live || err != nil && !errors.Is(err, session.ErrEnded) {
			h.t.Errorf("Edit of a session that is live, %v: %v", live, err)
		} else if live {
			s.values["a"] = value
		}
	}
}

func (h *history) note(format string, args ...any) {
	h.log = append(h.log, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

func (u *underWay) String() string {
	who := "the thief"
	if u.who >= 0 {
		who = fmt.Sprint("browser ", u.who)
	}
	return fmt.Sprintf("%s (%s %s=%s as %s, %v, %d, save %v)", who, u.deed.what, u.deed.key, u.deed.value, u.deed.subject, u.deed.lifetime, u.deed.status, u.deed.save)
}

func describe(r *modelRequest) string {
	text := fmt.Sprintf("%d tokens", len(r.presented))
	if r.session != nil {
		text += fmt.Sprintf(", session %v of %q %v until %s", r.session.id, r.subject, r.loaded, r.session.expires.Format("15:04:05"))
	}
	if r.ended {
		text += ", its token was killed"
	}
	return text
}
