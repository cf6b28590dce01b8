package checklist

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
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/cookiestore"
	"github.com/b4468f51/session/store/memstore"
)

func TestSecurity_EN1_ATamperedCookieIsNoSession(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{})
	b := site.With("", "")
	b.Want("/login?u", 200, "u/")
	b.Want("/read", 200, "u/")
	raw, err := base64.RawURLEncoding.DecodeString(b.Val)
	if err != nil {
		t.Fatal(err)
	}
	nobody := func(val string) {
		w := site.With(b.Name, val).Send("/read")
		if w.Code != 200 || w.Body.String() != "/" || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%q: %d %q, %v", val, w.Code, w.Body, w.Header())
		}
	}
	for i := range raw {
		flipped := append([]byte(nil), raw...)
		flipped[i] ^= 1 << (i % 8)
		nobody(base64.RawURLEncoding.EncodeToString(flipped))
	}
	for n := 1; n < len(b.Val); n++ {
		nobody(b.Val[:n])
	}
	nobody(b.Val + "A")
	nobody(strings.Repeat("A", 1<<20))
}

func TestSecurity_EN2_ACookieIsForOneNameAndApplication(t *testing.T) {
	ring := probe.NewRing(t)
	from := probe.SealedSite(t, ring, session.Config{App: "shop"})
	b := from.With("", "")
	b.Want("/login?u", 200, "u/")
	for name, cfg := range map[string]session.Config{
		"app":  {App: "admin", Cookie: session.Cookie{Name: "__Host-shop"}},
		"name": {App: "shop", Cookie: session.Cookie{Name: "__Host-other"}},
	} {
		to := probe.SealedSite(t, ring, cfg)
		cookie := cfg.Cookie.Name
		if cookie == "" {
			cookie = b.Name
		}
		t.Log(name)
		to.With(cookie, b.Val).Want("/read", 200, "/")
	}
	probe.SealedSite(t, ring, session.Config{App: "shop"}).With(b.Name, b.Val).Want("/read", 200, "u/")
}

func TestSecurity_EN3_TheServersClockEndsACookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := probe.NewRing(t)
		site := probe.SealedSite(t, ring, session.Config{Lifetime: 3 * time.Hour, Cookie: session.Cookie{Persistent: true}})
		b := site.With("", "")
		w := b.Get("/login?u")
		if c := w.Result().Cookies()[0]; c.MaxAge != 3*3600 {
			t.Errorf("Max-Age is %d", c.MaxAge)
		}
		idle := site.With(b.Name, b.Val) // whatever Max-Age it gives itself
		for range 3 {
			time.Sleep(59 * time.Minute)
			b.Want("/read", 200, "u/")
		}
		idle.Want("/read", 200, "/")
		time.Sleep(3*time.Minute + time.Second)
		b.Want("/read", 200, "/")
		if n := site.Saw(session.EventUnknown); n != 2 {
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
	ring := probe.NewRing(t)
	for by, want := range map[time.Duration]string{30 * time.Second: "u/", 2 * time.Minute: "/"} {
		b := probe.SealedSite(t, shifted{ring, by}, session.Config{}).With("", "")
		b.Want("/login?u", 200, "u/")
		b.Want("/read", 200, want)
	}
}

func TestSecurity_EN4_ACopyIsGoodUntilItsDeadlineWithoutNotBefore(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{})
	b := site.With("", "")
	for _, end := range []string{"/logout", "/renew", "/login?u"} {
		b.Want("/login?u", 200, "u/")
		copied := site.With(b.Name, b.Val)
		b.Get(end)
		if copied.Val == b.Val {
			t.Errorf("%s leaves the cookie as it was", end)
		}
		copied.Want("/read", 200, "u/") // the documented limit
	}
	for _, err := range site.M.List(t.Context(), "u") {
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "in their cookies") {
			t.Errorf("List: %v, want an error that says why", err)
		}
	}
	if _, err := site.M.RevokeAll(t.Context(), "u"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("RevokeAll: %v", err)
	}
}

func TestSecurity_EN4_NotBeforeEndsEveryCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		site := probe.SealedSite(t, probe.NewRing(t), session.Config{NotBefore: st, Lifetime: 100 * time.Hour, IdleTimeout: 100 * time.Hour})
		b, v := site.With("", ""), site.With("", "")
		b.Want("/login?u", 200, "u/")
		v.Want("/login?v", 200, "v/")
		before := site.With(b.Name, b.Val)
		b.Want("/renew", 200, "u/")
		copied := site.With(b.Name, b.Val)
		b.Want("/everywhere", 200, "/")
		if b.Val != "" {
			t.Error("the cookie is not cleared")
		}
		for range 2 {
			before.Want("/read", 200, "/")
			copied.Want("/read", 200, "/")
			v.Want("/read", 200, "v/")
			time.Sleep(99 * time.Hour)
		}
		// A sign-in after it, in the same handler too, is good.
		b.Want("/login?u", 200, "u/")
		copied = site.With(b.Name, b.Val)
		b.Want("/password", 200, "u/")
		b.Want("/read", 200, "u/")
		copied.Want("/read", 200, "/")
	})
}

func TestSecurity_EN4_AStreamLearnsOfTheEnd(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{NotBefore: memstore.New()})
	site.Handle("/stream", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
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
		if _, err := site.M.RevokeAll(r.Context(), "u"); err != nil {
			t.Error(err)
		}
		if err := s.Touch(r.Context()); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Touch after the end: %v", err)
		}
	})
	b := site.With("", "")
	b.Want("/login?u", 200, "u/")
	b.Get("/stream")
}

func TestSecurity_EN4_ANotBeforeThatCannotBeReadIsNoAnonymousUser(t *testing.T) {
	down := errors.New("down")
	st := &probe.Faulty{Store: memstore.New()}
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{NotBefore: st})
	b := site.With("", "")
	b.Want("/login?u", 200, "u/")
	st.OnLoad = func(context.Context, store.ID) (store.Record, error) { return store.Record{}, down }
	b.Want("/read", 503, "Service Unavailable")
	if b.Sets != 1 {
		t.Errorf("%d cookies were set", b.Sets)
	}
	site.With("", "").Want("/set?v", 200, "/v") // nobody has nothing to revoke
	if _, err := site.M.RevokeAll(t.Context(), "u"); !errors.Is(err, down) {
		t.Errorf("RevokeAll: %v", err)
	}
}

func TestSecurity_EN5_LiveClientsFollowTheKeys(t *testing.T) {
	one, two := cookiestore.GenerateKey(), cookiestore.GenerateKey()
	old := probe.SealedSite(t, probe.NewRing(t, one), session.Config{})
	both := probe.SealedSite(t, probe.NewRing(t, two, one), session.Config{})
	last := probe.SealedSite(t, probe.NewRing(t, two), session.Config{})
	b := old.With("", "")
	b.Want("/login?u", 200, "u/")
	was := b.Val
	b.Site = both
	b.Want("/read", 200, "u/")
	if b.Val == was || b.Sets != 2 {
		t.Error("the first answer does not seal anew")
	}
	b.Want("/read", 200, "u/")
	if b.Sets != 2 {
		t.Error("the second does")
	}
	b.Site = last
	b.Want("/read", 200, "u/")
	last.With(b.Name, was).Want("/read", 200, "/")
}

func TestSecurity_EN10_EqualContentsHaveEqualLengths(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{})
	lengths := make(map[int]bool)
	for _, secret := range []string{strings.Repeat("a", 600), strings.Repeat("abcxyz", 100)} {
		b := site.With("", "")
		b.Get("/set?" + secret)
		lengths[len(b.Val)] = true
	}
	if len(lengths) != 1 {
		t.Errorf("the lengths are %v", lengths)
	}
}

func TestSecurity_CK4_ASealedCookieFitsOrIsNotSet(t *testing.T) {
	for _, cfg := range []session.Config{{}, {MaxSize: 3072}} {
		site := probe.SealedSite(t, probe.NewRing(t), cfg)
		b := site.With("", "")
		b.Want("/login?u", 200, "u/")
		largest, refused := 0, 0
		for n := 2700; n < 3072; n++ {
			was := b.Val
			w := b.Get("/set?" + strings.Repeat("x", n))
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
			case w.Code != 500 || w.Header().Get("Set-Cookie") != "" || b.Val != was:
				t.Errorf("%d bytes: %d, %v", n, w.Code, w.Header())
			default:
				refused = n
			}
		}
		b.Want("/read", 200, "u/"+strings.Repeat("x", largest))
		if largest < 2780 || refused == 0 {
			t.Errorf("MaxSize %d: the largest that fits is %d", cfg.MaxSize, largest)
		}
	}
}

func TestNewSealedRefuses(t *testing.T) {
	for names, cfg := range map[string]session.Config{
		"RotateEvery": {RotateEvery: time.Hour}, "MaxSize": {MaxSize: 4096}, "Lifetime": {Lifetime: -1},
	} {
		if _, err := session.NewSealed(probe.NewRing(t), cfg); err == nil || !strings.Contains(err.Error(), names) {
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

func TestASealerThatFailsIsNoAnonymousUser(t *testing.T) {
	sealer := &probe.BrokenSealer{Sealer: probe.NewRing(t)}
	site := probe.SealedSite(t, sealer, session.Config{})
	b := site.With("", "")
	b.Want("/login?u", 200, "u/")
	sealer.Err = errors.New("the key service is down")
	b.Want("/read", 503, "Service Unavailable")
	site.With("", "").Want("/set?v", 503, "Service Unavailable")
	site.With("", "").Want("/read", 200, "/")
	if site.Saw(session.EventLoadFailed) != 1 || site.Saw(session.EventCommitFailed) != 1 || b.Sets != 1 {
		t.Errorf("events %v, %d cookies", site.Events(), b.Sets)
	}
}

// What a Save could not seal is pending still: it is sealed with the answer, or the
// client learns that it was not.
func TestASealedChangeOutlivesASaveThatFails(t *testing.T) {
	sealer := &probe.BrokenSealer{Sealer: probe.NewRing(t)}
	site := probe.SealedSite(t, sealer, session.Config{})
	site.Handle("/again", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("k", "new"))
		sealer.Err = errors.New("the key service is down")
		if err := s.Save(r.Context()); !errors.Is(err, sealer.Err) {
			t.Errorf("Save returns %v", err)
		}
		if r.URL.RawQuery == "" {
			sealer.Err = nil
		}
		w.Write([]byte("saved"))
	})
	b := site.Browser()
	b.Want("/login?u", 200, "u/")
	b.Want("/again?down", 503, "Service Unavailable")
	sealer.Err = nil
	b.Want("/read", 200, "u/")
	b.Want("/again", 200, "saved")
	b.Want("/read", 200, "u/new")
}

// Whatever is sealed anew is a change or a use, and no rotation.
func TestASealedSessionIsNotRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := probe.SealedSite(t, probe.NewRing(t), session.Config{})
		b := site.Browser()
		b.Want("/login?u", 200, "u/")
		b.Want("/set?v", 200, "u/v")
		time.Sleep(30 * time.Minute)
		b.Want("/read", 200, "u/v")
		if got := site.Saw(session.EventRotated); got != 0 {
			t.Errorf("%d rotations are reported", got)
		}
	})
}

func TestSealedWithoutTheMiddleware(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{})
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	s, err := site.M.Start(w, r)
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
	again, err := site.M.Load(r)
	if err != nil || again.Get("k") != "v" || again.ID() != s.ID() {
		t.Errorf("%v: %v, want %v", err, again, s)
	}
	if c, err := site.M.Commit(t.Context(), again); c != nil || err != nil {
		t.Errorf("nothing changed: %v, %v", c, err)
	}
}

func TestSecurity_DT3_ACookieThatNoServerSealedIsReported(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{})
	b := site.With("", "")
	b.Want("/login?u", 200, "u/")
	forged := []byte(b.Val)
	forged[len(forged)/2] ^= 1
	before := len(site.Events())
	site.With(b.Name, string(forged)).Want("/read", 200, "/")
	if heard := site.Events()[before:]; len(heard) != 1 || heard[0].Kind != session.EventMalformed {
		t.Errorf("reported is %+v", heard)
	}
}
