package session

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// noStore is for managers that need none.
type noStore struct{ store.Store }

func TestContradictorySettingsAreErrors(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		says string // what the error must name
	}{
		{Config{Lifetime: time.Millisecond}, "Lifetime"},
		{Config{Lifetime: -time.Hour}, "Lifetime"},
		{Config{IdleTimeout: time.Millisecond}, "IdleTimeout"},
		{Config{Lifetime: time.Hour, IdleTimeout: 2 * time.Hour}, "IdleTimeout 2h0m0s exceeds Lifetime 1h0m0s"},
		{Config{TouchInterval: -1}, "TouchInterval"},
		{Config{TouchInterval: 31 * time.Minute}, "TouchInterval"},
		{Config{Grace: -1}, "Grace"},
		{Config{RotateEvery: -1}, "RotateEvery"},
		{Config{RotateEvery: time.Minute}, "RotateEvery"},
		{Config{LoadTimeout: -1}, "LoadTimeout"},
		{Config{CommitTimeout: -1}, "CommitTimeout"},
		{Config{CommitTimeout: 31 * time.Second}, "CommitTimeout"},
		{Config{MaxSize: -1}, "MaxSize"},
		{Config{MaxSize: 1 << 20}, "MaxSize"},
		{Config{MaxValues: -1}, "MaxValues"},
		{Config{MaxPending: -1}, "MaxPending"},
		{Config{App: "a:b"}, `App is "a:b"`},
		{Config{App: "a b"}, "App"},
		{Config{App: "a;b"}, "App"},
		{Config{App: "a\x00"}, "App"},
		{Config{App: "ü"}, "App"},
		{Config{App: ".a"}, "App"},
		{Config{App: "__Host-a"}, "App"},
		{Config{App: "-a"}, "App"},
		{Config{App: "shop-csrf"}, "App"},
		{Config{App: strings.Repeat("a", 49)}, "App"},
		{Config{Lifetime: 401 * 24 * time.Hour, Cookie: Cookie{Persistent: true}}, "400 days"},
		{Config{MaxLifetime: time.Hour}, "MaxLifetime"},
		{Config{MaxIdleTimeout: time.Minute}, "MaxIdleTimeout"},
		{Config{MaxIdleTimeout: 25 * time.Hour}, "MaxIdleTimeout"},
		{Config{AnonymousLifetime: time.Millisecond}, "AnonymousLifetime"},
		{Config{AnonymousLifetime: 25 * time.Hour}, "AnonymousLifetime"},
		{Config{MaxSessions: -1}, "MaxSessions"},
		{Config{MaxSessions: 1}, "can list"},
		{Config{RefuseLogin: true}, "MaxSessions"},
		{Config{Header: "X Session"}, "Header"},
		{Config{Header: "cookie"}, "Header"},
		{Config{Cookie: Cookie{Name: "a b"}}, "Cookie"},
		{Config{Cookie: Cookie{Name: strings.Repeat("a", 65)}}, "Name"},
		{Config{Cookie: Cookie{Name: "__Host-id", Domain: "example.com"}}, "Domain"},
		{Config{Cookie: Cookie{Name: "__Host-id", Path: "/app"}}, "Path"},
		{Config{Cookie: Cookie{Name: "__Host-id", Insecure: true}}, "Insecure"},
		{Config{Cookie: Cookie{Name: "__Secure-id", Insecure: true}}, "Insecure"},
		{Config{Cookie: Cookie{Name: "__host-id"}}, "__Host-"},
		{Config{Cookie: Cookie{Name: "__SECURE-id"}}, "__Secure-"},
		{Config{Cookie: Cookie{Path: "app"}}, "Path"},
		{Config{Cookie: Cookie{Path: "/a;b"}}, "Path"},
		{Config{Cookie: Cookie{Domain: "exa mple"}}, "Domain"},
		{Config{Cookie: Cookie{SameSite: http.SameSiteDefaultMode}}, "SameSite"},
		{Config{Cookie: Cookie{SameSite: 17}}, "SameSite"},
		{Config{Cookie: Cookie{SameSite: http.SameSiteNoneMode, Insecure: true}}, "SameSite"},
		{Config{Cookie: Cookie{Partitioned: true}}, "Partitioned"},
		{Config{Cookie: Cookie{Partitioned: true, SameSite: http.SameSiteNoneMode, Insecure: true}}, "Partitioned"},
	} {
		m, err := NewManager(noStore{}, c.cfg)
		if err == nil {
			m.Close()
			t.Errorf("%+v was accepted, want an error about %s", c.cfg, c.says)
		} else if !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "session: ") {
			t.Errorf("the error is %q, want it to name %s", err, c.says)
		}
	}
	if _, err := NewManager(nil, Config{}); err == nil {
		t.Error("a nil store was accepted")
	}
}

func TestSettingsThatAreAccepted(t *testing.T) {
	for _, cfg := range []Config{
		{},
		{Lifetime: time.Second},
		{Lifetime: 10 * time.Minute},
		{Lifetime: time.Hour, IdleTimeout: time.Hour},
		{RotateEvery: 10 * time.Minute},
		{MaxSize: 1_000_000},
		{App: "a"},
		{App: "7.Shop_of-us"},
		{App: strings.Repeat("a", 48)},
		{GCInterval: -1},
		{Cookie: Cookie{Insecure: true}},
		{Cookie: Cookie{Name: "sid", Domain: "example.com", Path: "/app"}},
		{Cookie: Cookie{Name: "__Secure-sid", Domain: "example.com"}},
		{Cookie: Cookie{Name: "__Host-Http-sid"}},
		{Header: "x-session"},
		{MaxLifetime: 500 * 24 * time.Hour, MaxIdleTimeout: 500 * 24 * time.Hour},
		{Lifetime: 10 * time.Minute, AnonymousLifetime: time.Minute},
		{Cookie: Cookie{SameSite: http.SameSiteStrictMode, Persistent: true}},
		{Cookie: Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}},
	} {
		m, err := NewManager(noStore{}, cfg)
		if err != nil {
			t.Errorf("%+v: %v", cfg, err)
			continue
		}
		m.Close()
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	_, err := NewManager(noStore{}, Config{Lifetime: -1, MaxSize: -1, Cookie: Cookie{Path: "x"}, NotBefore: noStore{}, MaxSessions: 1})
	for _, want := range []string{"Lifetime", "MaxSize", "Path", "NotBefore", "MaxSessions"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestCookieNameByDefault(t *testing.T) {
	for name, c := range map[string]Cookie{
		"__Host-id": {},
		"id":        {Insecure: true},
	} {
		if got := c.withDefaults("").Name; got != name {
			t.Errorf("%+v is named %s, want %s", c, got, name)
		}
	}
	for _, c := range []Cookie{{Domain: "example.com"}, {Path: "/a"}} {
		if got := c.withDefaults("").Name; got != "id" {
			t.Errorf("%+v is named %s, want id", c, got)
		}
	}
}
