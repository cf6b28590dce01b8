package session_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A saysShared is a store that tells whether other programs can reach it.
type saysShared struct {
	*memstore.Store
	shared bool
	closed *bool
}

func (s saysShared) Shared() bool { return s.shared }

func (s saysShared) Close() error {
	*s.closed = true
	return nil
}

func newSaysShared(shared bool) saysShared { return saysShared{memstore.New(), shared, new(bool)} }

func TestAppNamesTheCookie(t *testing.T) {
	for _, c := range []struct {
		cfg  session.Config
		want string
	}{
		{session.Config{}, "__Host-id"},
		{session.Config{App: "shop"}, "__Host-shop"},
		{session.Config{App: "7.Shop_of-us"}, "__Host-7.Shop_of-us"},
		{session.Config{App: strings.Repeat("a", 48)}, "__Host-" + strings.Repeat("a", 48)},
		{session.Config{App: "shop", Cookie: session.Cookie{Insecure: true}}, "shop"},
		{session.Config{App: "shop", Cookie: session.Cookie{Domain: "example.com"}}, "shop"},
		{session.Config{App: "shop", Cookie: session.Cookie{Path: "/app"}}, "shop"},
		{session.Config{App: "shop", Cookie: session.Cookie{Name: "__Secure-mine"}}, "__Secure-mine"},
	} {
		site := probe.NewSite(t, nil, c.cfg)
		site.Handle("/", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			if _, err := s.Binding("forms"); err != nil {
				t.Error(err)
			}
			if err := s.Login("u"); err != nil {
				t.Error(err)
			}
		})
		w := httptest.NewRecorder()
		site.Handler.ServeHTTP(w, httptest.NewRequest("GET", "/app", nil))
		var names []string
		for _, ck := range w.Result().Cookies() {
			names = append(names, ck.Name)
		}
		if got := strings.Join(names, " "); got != c.want+" "+c.want+"-csrf" && got != c.want+"-csrf "+c.want {
			t.Errorf("App %q: the cookies are %q, want %q and the same with -csrf", c.cfg.App, got, c.want)
		}
	}
}

// Two programs on one store have users with the same names.
func TestProgramsWithNamesShareNoSignIns(t *testing.T) {
	st := newSaysShared(true)
	program := func(app string) *probe.Site {
		site := probe.NewSite(t, st, session.Config{App: app})
		site.Handle("/login", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.Login("7"); err != nil {
				t.Error(err)
			}
		})
		site.Handle("/who", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			w.Write([]byte("<" + s.Subject() + ">"))
		})
		return site
	}
	shop, blog := program("shop"), program("blog")
	buyer, writer := shop.Browser(), blog.Browser()
	buyer.Get("/login")
	writer.Get("/login")
	for _, name := range []string{"__Host-blog", "__Host-shop"} {
		stray := blog.Browser()
		stray.Name, stray.Val = name, buyer.Val
		stray.Want("/who", 200, "<>")
	}
	if n, err := blog.M.RevokeAll(t.Context(), "7"); n != 1 || err != nil {
		t.Errorf("RevokeAll: %d, %v; want the blog's own session", n, err)
	}
	buyer.Want("/who", 200, "<7>")
	writer.Want("/who", 200, "<>")
}

func TestAStoreOnTheNetworkTakesAnApp(t *testing.T) {
	ring := probe.NewRing(t)
	opens := map[string]func(st saysShared, cfg session.Config) (*session.Manager, error){
		"NewManager": func(st saysShared, cfg session.Config) (*session.Manager, error) { return session.NewManager(st, cfg) },
		"NewSealed": func(st saysShared, cfg session.Config) (*session.Manager, error) {
			cfg.NotBefore = st
			return session.NewSealed(ring, cfg)
		},
		"Open": func(st saysShared, cfg session.Config) (*session.Manager, error) {
			openedByURL = st
			return session.Open("shared-or-not:", cfg)
		},
	}
	for name, open := range opens {
		for _, c := range []struct {
			shared  bool
			app     string
			refused bool
		}{{true, "", true}, {true, "shop", false}, {false, "", false}, {false, "shop", false}} {
			st := newSaysShared(c.shared)
			m, err := open(st, session.Config{App: c.app})
			if err == nil {
				m.Close()
			}
			if (err != nil) != c.refused {
				t.Errorf("%s with App %q, where the store says %t: %v", name, c.app, c.shared, err)
			}
			if name == "Open" && !*st.closed {
				t.Errorf("Open with App %q leaves the store open", c.app)
			}
			if err == nil {
				continue
			}
			for _, says := range []string{"Config.App is empty", "other programs", `session.Config{App: "shop"}`} {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%s: the error %q does not say %s", name, err, says)
				}
			}
		}
	}
	// It hides no other mistake, and no other hides it.
	for name, err := range map[string]error{
		"store":  newErr(session.NewManager(nil, session.Config{Grace: -1})),
		"Sealer": newErr(session.NewSealed(nil, session.Config{Grace: -1, NotBefore: newSaysShared(true)})),
	} {
		if err == nil || !strings.Contains(err.Error(), "nil "+name) || !strings.Contains(err.Error(), "Config.Grace") {
			t.Errorf("the error %v does not name both the nil %s and Config.Grace", err, name)
		}
	}
	_, err := session.NewManager(struct{ store.Sharer }{newSaysShared(true)}, session.Config{Grace: -1, MaxSessions: 1})
	for _, says := range []string{"Config.App", "Config.Grace", "Config.MaxSessions"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("the error %v does not name %s", err, says)
		}
	}
}

func newErr(_ *session.Manager, err error) error { return err }

// openedByURL is what the URL shared-or-not: opens.
var openedByURL store.Store

func init() {
	store.Register("shared-or-not", func(string) (store.Store, error) { return openedByURL, nil })
}
