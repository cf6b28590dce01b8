package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/cookiestore"
	"github.com/b4468f51/session/store/memstore"
)

func newRing(t *testing.T, keys ...cookiestore.Key) *cookiestore.Keyring {
	t.Helper()
	if len(keys) == 0 {
		keys = []cookiestore.Key{cookiestore.GenerateKey()}
	}
	ring, err := cookiestore.New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// newSealedSite returns a site that keeps its sessions in their cookies.
func newSealedSite(t *testing.T, sealer session.Sealer, cfg session.Config) *testSite {
	t.Helper()
	site := &testSite{t: t, mux: http.NewServeMux()}
	cfg.Observer = func(_ context.Context, e session.Event) {
		site.mu.Lock()
		defer site.mu.Unlock()
		site.events = append(site.events, e)
	}
	m, err := session.NewSealed(sealer, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	site.m, site.handler = m, m.Handler(site.mux)
	site.answers()
	return site
}

// answers adds a handler for each step of a session's life, which shows what it
// leaves.
func (site *testSite) answers() {
	answer := func(path string, f func(r *http.Request, s *session.Session) error) {
		site.handle(path, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := f(r, s); err != nil {
				http.Error(w, err.Error(), session.ErrorStatus(err))
				return
			}
			k, _ := s.Get("k").(string)
			w.Write([]byte(s.Subject() + "/" + k))
		})
	}
	answer("/read", func(*http.Request, *session.Session) error { return nil })
	answer("/set", func(r *http.Request, s *session.Session) error { return s.Set("k", r.URL.RawQuery) })
	answer("/login", func(r *http.Request, s *session.Session) error { return s.Login(r.URL.RawQuery) })
	answer("/renew", func(_ *http.Request, s *session.Session) error { return s.Renew() })
	answer("/logout", func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) })
	answer("/everywhere", func(r *http.Request, s *session.Session) error {
		_, err := site.m.RevokeAll(r.Context(), s.Subject())
		return errors.Join(err, s.Destroy(r.Context()))
	})
	answer("/password", func(r *http.Request, s *session.Session) error {
		subject := s.Subject()
		_, err := site.m.RevokeAll(r.Context(), subject)
		return errors.Join(err, s.Login(subject))
	})
}

// with returns a browser that holds a value.
func (site *testSite) with(name, val string) *testBrowser {
	return &testBrowser{site: site, name: name, val: val}
}

func TestSecurity_EN1_ATamperedCookieIsNoSession(t *testing.T) {
	site := newSealedSite(t, newRing(t), session.Config{})
	b := site.with("", "")
	b.want("/login?u", 200, "u/")
	b.want("/read", 200, "u/")
	raw, err := base64.RawURLEncoding.DecodeString(b.val)
	if err != nil {
		t.Fatal(err)
	}
	nobody := func(val string) {
		w := site.with(b.name, val).send("/read")
		if w.Code != 200 || w.Body.String() != "/" || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%q: %d %q, %v", val, w.Code, w.Body, w.Header())
		}
	}
	for i := range raw {
		flipped := append([]byte(nil), raw...)
		flipped[i] ^= 1 << (i % 8)
		nobody(base64.RawURLEncoding.EncodeToString(flipped))
	}
	for n := 1; n < len(b.val); n++ {
		nobody(b.val[:n])
	}
	nobody(b.val + "A")
	nobody(strings.Repeat("A", 1<<20))
}

func TestSecurity_EN2_ACookieIsForOneNameAndApplication(t *testing.T) {
	ring := newRing(t)
	from := newSealedSite(t, ring, session.Config{App: "shop"})
	b := from.with("", "")
	b.want("/login?u", 200, "u/")
	for name, cfg := range map[string]session.Config{
		"app":  {App: "admin", Cookie: session.Cookie{Name: "__Host-shop"}},
		"name": {App: "shop", Cookie: session.Cookie{Name: "__Host-other"}},
	} {
		to := newSealedSite(t, ring, cfg)
		cookie := cfg.Cookie.Name
		if cookie == "" {
			cookie = b.name
		}
		t.Log(name)
		to.with(cookie, b.val).want("/read", 200, "/")
	}
	newSealedSite(t, ring, session.Config{App: "shop"}).with(b.name, b.val).want("/read", 200, "u/")
}

func TestSecurity_EN3_TheServersClockEndsACookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := newRing(t)
		site := newSealedSite(t, ring, session.Config{Lifetime: 3 * time.Hour, Cookie: session.Cookie{Persistent: true}})
		b := site.with("", "")
		w := b.get("/login?u")
		if c := w.Result().Cookies()[0]; c.MaxAge != 3*3600 {
			t.Errorf("Max-Age is %d", c.MaxAge)
		}
		idle := site.with(b.name, b.val) // whatever Max-Age it gives itself
		for range 3 {
			time.Sleep(59 * time.Minute)
			b.want("/read", 200, "u/")
		}
		idle.want("/read", 200, "/")
		time.Sleep(3*time.Minute + time.Second)
		b.want("/read", 200, "/")
		if n := site.saw(session.EventUnknown); n != 2 {
			t.Errorf("%d expired cookies were reported", n)
		}
	})
}

// A shifted sealer is that of a machine whose clock is ahead.
type shifted struct {
	session.Sealer
	by time.Duration
}

func (s shifted) Seal(ctx context.Context, scope string, rec store.Record) (string, error) {
	rec.Seen = rec.Seen.Add(s.by)
	return s.Sealer.Seal(ctx, scope, rec)
}

func TestSecurity_EN3_ACookieFromTheFutureIsNone(t *testing.T) {
	ring := newRing(t)
	for by, want := range map[time.Duration]string{30 * time.Second: "u/", 2 * time.Minute: "/"} {
		b := newSealedSite(t, shifted{ring, by}, session.Config{}).with("", "")
		b.want("/login?u", 200, "u/")
		b.want("/read", 200, want)
	}
}

func TestSecurity_EN4_ACopyIsGoodUntilItsDeadlineWithoutNotBefore(t *testing.T) {
	site := newSealedSite(t, newRing(t), session.Config{})
	b := site.with("", "")
	for _, end := range []string{"/logout", "/renew", "/login?u"} {
		b.want("/login?u", 200, "u/")
		copied := site.with(b.name, b.val)
		b.get(end)
		if copied.val == b.val {
			t.Errorf("%s leaves the cookie as it was", end)
		}
		copied.want("/read", 200, "u/") // the documented limit
	}
	for _, err := range site.m.List(t.Context(), "u") {
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "in their cookies") {
			t.Errorf("List: %v, want an error that says why", err)
		}
	}
	if _, err := site.m.RevokeAll(t.Context(), "u"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("RevokeAll: %v", err)
	}
}

func TestSecurity_EN4_NotBeforeEndsEveryCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		site := newSealedSite(t, newRing(t), session.Config{NotBefore: st, Lifetime: 100 * time.Hour, IdleTimeout: 100 * time.Hour})
		b, v := site.with("", ""), site.with("", "")
		b.want("/login?u", 200, "u/")
		v.want("/login?v", 200, "v/")
		before := site.with(b.name, b.val)
		b.want("/renew", 200, "u/")
		copied := site.with(b.name, b.val)
		b.want("/everywhere", 200, "/")
		if b.val != "" {
			t.Error("the cookie is not cleared")
		}
		for range 2 {
			before.want("/read", 200, "/")
			copied.want("/read", 200, "/")
			v.want("/read", 200, "v/")
			time.Sleep(99 * time.Hour)
		}
		// A sign-in after it, in the same handler too, is good.
		b.want("/login?u", 200, "u/")
		copied = site.with(b.name, b.val)
		b.want("/password", 200, "u/")
		b.want("/read", 200, "u/")
		copied.want("/read", 200, "/")
	})
}

func TestSecurity_EN4_AStreamLearnsOfTheEnd(t *testing.T) {
	site := newSealedSite(t, newRing(t), session.Config{NotBefore: memstore.New()})
	site.handle("/stream", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.(http.Flusher).Flush()
		if err := s.Touch(r.Context()); err != nil {
			t.Errorf("Touch: %v", err)
		}
		for name, err := range map[string]error{
			"Set": s.Set("k", 1), "Login": s.Login("u"), "Renew": s.Renew(), "Clear": s.Clear(), "Destroy": s.Destroy(r.Context()),
		} {
			if !errors.Is(err, session.ErrHeadersSent) {
				t.Errorf("%s after the first byte: %v", name, err)
			}
		}
		if _, err := site.m.RevokeAll(r.Context(), "u"); err != nil {
			t.Error(err)
		}
		if err := s.Touch(r.Context()); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Touch after the end: %v", err)
		}
	})
	b := site.with("", "")
	b.want("/login?u", 200, "u/")
	b.get("/stream")
}

func TestSecurity_EN4_ANotBeforeThatCannotBeReadIsNoAnonymousUser(t *testing.T) {
	down := errors.New("down")
	st := &faultyStore{Store: memstore.New()}
	site := newSealedSite(t, newRing(t), session.Config{NotBefore: st})
	b := site.with("", "")
	b.want("/login?u", 200, "u/")
	st.load = func(context.Context, store.ID) (store.Record, error) { return store.Record{}, down }
	b.want("/read", 503, "Service Unavailable")
	if b.set != 1 {
		t.Errorf("%d cookies were set", b.set)
	}
	site.with("", "").want("/set?v", 200, "/v") // nobody has nothing to revoke
	if _, err := site.m.RevokeAll(t.Context(), "u"); !errors.Is(err, down) {
		t.Errorf("RevokeAll: %v", err)
	}
}

func TestSecurity_EN5_LiveClientsFollowTheKeys(t *testing.T) {
	one, two := cookiestore.GenerateKey(), cookiestore.GenerateKey()
	old := newSealedSite(t, newRing(t, one), session.Config{})
	both := newSealedSite(t, newRing(t, two, one), session.Config{})
	last := newSealedSite(t, newRing(t, two), session.Config{})
	b := old.with("", "")
	b.want("/login?u", 200, "u/")
	was := b.val
	b.site = both
	b.want("/read", 200, "u/")
	if b.val == was || b.set != 2 {
		t.Error("the first answer does not seal anew")
	}
	b.want("/read", 200, "u/")
	if b.set != 2 {
		t.Error("the second does")
	}
	b.site = last
	b.want("/read", 200, "u/")
	last.with(b.name, was).want("/read", 200, "/")
}

func TestSecurity_EN10_EqualContentsHaveEqualLengths(t *testing.T) {
	site := newSealedSite(t, newRing(t), session.Config{})
	lengths := make(map[int]bool)
	for _, secret := range []string{strings.Repeat("a", 600), strings.Repeat("abcxyz", 100)} {
		b := site.with("", "")
		b.get("/set?" + secret)
		lengths[len(b.val)] = true
	}
	if len(lengths) != 1 {
		t.Errorf("the lengths are %v", lengths)
	}
}

func TestSecurity_CK4_ASealedCookieFitsOrIsNotSet(t *testing.T) {
	for _, cfg := range []session.Config{{}, {MaxSize: 3072}} {
		site := newSealedSite(t, newRing(t), cfg)
		b := site.with("", "")
		b.want("/login?u", 200, "u/")
		largest, refused := 0, 0
		for n := 2700; n < 3072; n++ {
			was := b.val
			w := b.get("/set?" + strings.Repeat("x", n))
			switch {
			case w.Code == 200 && refused > 0:
				t.Errorf("%d bytes fit, and %d did not", n, refused)
			case w.Code == 200:
				largest = n
				line := w.Header().Get("Set-Cookie")
				pair, _, _ := strings.Cut(line, ";")
				if size := len(pair) - 1; size > 4096 {
					t.Errorf("%d bytes make a cookie of %d", n, size)
				}
			case w.Code != 500 || w.Header().Get("Set-Cookie") != "" || b.val != was:
				t.Errorf("%d bytes: %d, %v", n, w.Code, w.Header())
			default:
				refused = n
			}
		}
		b.want("/read", 200, "u/"+strings.Repeat("x", largest))
		if largest < 2780 || refused == 0 {
			t.Errorf("MaxSize %d: the largest that fits is %d", cfg.MaxSize, largest)
		}
	}
}

func TestNewSealedRefuses(t *testing.T) {
	for names, cfg := range map[string]session.Config{
		"RotateEvery": {RotateEvery: time.Hour}, "MaxSize": {MaxSize: 4096}, "Lifetime": {Lifetime: -1},
	} {
		if _, err := session.NewSealed(newRing(t), cfg); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%s: %v", names, err)
		}
	}
	if _, err := session.NewSealed(nil, session.Config{}); err == nil {
		t.Error("a nil Sealer is no error")
	}
	if _, err := session.NewManager(memstore.New(), session.Config{NotBefore: memstore.New()}); err == nil {
		t.Error("NewManager takes NotBefore")
	}
}

// brokenSealer cannot tell.
type brokenSealer struct {
	session.Sealer
	err error
}

func (b *brokenSealer) Open(ctx context.Context, scope, token string) (store.Record, bool, error) {
	if b.err != nil {
		return store.Record{}, false, b.err
	}
	return b.Sealer.Open(ctx, scope, token)
}

func (b *brokenSealer) Seal(ctx context.Context, scope string, rec store.Record) (string, error) {
	if b.err != nil {
		return "", b.err
	}
	return b.Sealer.Seal(ctx, scope, rec)
}

func TestASealerThatFailsIsNoAnonymousUser(t *testing.T) {
	sealer := &brokenSealer{Sealer: newRing(t)}
	site := newSealedSite(t, sealer, session.Config{})
	b := site.with("", "")
	b.want("/login?u", 200, "u/")
	sealer.err = errors.New("the key service is down")
	b.want("/read", 503, "Service Unavailable")
	site.with("", "").want("/set?v", 503, "Service Unavailable")
	site.with("", "").want("/read", 200, "/")
	if site.saw(session.EventLoadFailed) != 1 || site.saw(session.EventCommitFailed) != 1 || b.set != 1 {
		t.Errorf("events %v, %d cookies", site.events, b.set)
	}
}

// What a Save could not seal is pending still: it is sealed with the answer, or the
// client learns that it was not.
func TestASealedChangeOutlivesASaveThatFails(t *testing.T) {
	sealer := &brokenSealer{Sealer: newRing(t)}
	site := newSealedSite(t, sealer, session.Config{})
	site.handle("/again", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Set("k", "new"))
		sealer.err = errors.New("the key service is down")
		if err := s.Save(r.Context()); !errors.Is(err, sealer.err) {
			t.Errorf("Save returns %v", err)
		}
		if r.URL.RawQuery == "" {
			sealer.err = nil
		}
		w.Write([]byte("saved"))
	})
	b := site.browser()
	b.want("/login?u", 200, "u/")
	b.want("/again?down", 503, "Service Unavailable")
	sealer.err = nil
	b.want("/read", 200, "u/")
	b.want("/again", 200, "saved")
	b.want("/read", 200, "u/new")
}

// Whatever is sealed anew is a change or a use, and no rotation.
func TestASealedSessionIsNotRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSealedSite(t, newRing(t), session.Config{})
		b := site.browser()
		b.want("/login?u", 200, "u/")
		b.want("/set?v", 200, "u/v")
		time.Sleep(30 * time.Minute)
		b.want("/read", 200, "u/v")
		if got := site.saw(session.EventRotated); got != 0 {
			t.Errorf("%d rotations are reported", got)
		}
	})
}

func TestSealedWithoutTheMiddleware(t *testing.T) {
	site := newSealedSite(t, newRing(t), session.Config{})
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	s, err := site.m.Start(w, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Set("k", "v"), s.Save(t.Context())); err != nil {
		t.Fatal(err)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	r.Header.Set("Cookie", cookies[0].Name+"="+cookies[0].Value)
	again, err := site.m.Load(r)
	if err != nil || again.Get("k") != "v" || again.ID() != s.ID() {
		t.Errorf("%v: %v, want %v", err, again, s)
	}
	if c, err := site.m.Commit(t.Context(), again); c != nil || err != nil {
		t.Errorf("nothing changed: %v, %v", c, err)
	}
}

func TestSecurity_DT3_ACookieThatNoServerSealedIsReported(t *testing.T) {
	site := newSealedSite(t, newRing(t), session.Config{})
	b := site.with("", "")
	b.want("/login?u", 200, "u/")
	forged := []byte(b.val)
	forged[len(forged)/2] ^= 1
	before := len(site.events)
	site.with(b.name, string(forged)).want("/read", 200, "/")
	if heard := site.events[before:]; len(heard) != 1 || heard[0].Kind != session.EventMalformed {
		t.Errorf("reported is %+v", heard)
	}
}
