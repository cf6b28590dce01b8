package session_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/internal/probe"
)

// Whoever sends requests decides how many of these events there are, but not how
// many lines they make.
func TestRequestsAtWillDoNotFloodTheLog(t *testing.T) {
	for kind, tt := range map[session.EventKind]struct {
		cookies string // with TOKEN and OLD in their places
		method  string
		says    string
	}{
		session.EventDuplicate: {"__Host-id=x; __Host-id=y", "GET", ""},
		session.EventForged:    {"", "POST", "did not send its cookie"},
		session.EventReused:    {"__Host-id=OLD", "GET", ""},
		session.EventMalformed: {"__Host-id=x", "GET", "nothing"},
		session.EventUnknown:   {"__Host-id=MADEUP", "GET", "nothing"},
		session.EventStale:     {"__Host-id=STALE", "GET", "nothing"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(1234*time.Hour + 30*time.Second) // no other test writes in this minute
				var log bytes.Buffer
				defer slog.SetDefault(slog.Default())
				slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
				tap := probe.NewTap()
				m, err := session.NewManager(tap, session.Config{Grace: 10 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				p := probe.Over(t, tap, session.Config{Grace: 10 * time.Second})
				c := p.Client().Must(probe.Login(t, "u"))
				old := c.Token()
				c.Must(probe.Renew(t))
				time.Sleep(11 * time.Second)
				stale := c.Token()
				c.Must(probe.Renew(t))
				cookies := strings.NewReplacer("OLD", old, "STALE", stale, "MADEUP", old[:22]+probe.ForgedToken()[22:]).Replace(tt.cookies)
				site := m.Handler(csrf.Require(http.NotFoundHandler()))
				send := func(n int) {
					for range n {
						r := httptest.NewRequest(tt.method, "/", nil)
						r.Header.Set("Cookie", cookies)
						site.ServeHTTP(httptest.NewRecorder(), r)
					}
				}
				send(1000)
				lines, want := strings.Count(log.String(), "\n"), 10
				if tt.says == "nothing" {
					want = 0
				}
				if lines != want || lines != strings.Count(log.String(), "level=WARN msg=\"session: "+string(kind)+"\"") {
					t.Fatalf("%d lines, want %d: %.500s", lines, want, &log)
				}
				if want == 0 {
					return
				}
				if !strings.Contains(log.String(), tt.says) || strings.Contains(log.String(), "left_out") {
					t.Errorf("the log says %.500s", &log)
				}
				log.Reset()
				time.Sleep(time.Minute)
				send(2)
				first, second, _ := strings.Cut(log.String(), "\n")
				if !strings.Contains(first, "left_out=990") || strings.Contains(second, "left_out") || strings.Count(second, "\n") != 1 {
					t.Errorf("a minute later the log says %s", &log)
				}
			})
		})
	}
}

// After a deploy that changed a type, every request of every client meets a value
// of the old one.
func TestValuesOfAnOldTypeDoNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2345*time.Hour + 30*time.Second) // no other test writes in this minute
		var log bytes.Buffer
		defer slog.SetDefault(slog.Default())
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		tap := probe.NewTap()
		p := probe.Over(t, tap, session.Config{})
		c := p.Client().Must(probe.Set(t, "k", "text"))
		m, err := session.NewManager(tap, session.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		site := m.Handler(probe.Act(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			session.NewKey[int]("k").Get(s)
		}))
		for range 100 {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Cookie", probe.CookieName+"="+c.Token())
			site.ServeHTTP(httptest.NewRecorder(), r)
		}
		if lines := strings.Count(log.String(), "\n"); lines != 10 || strings.Count(log.String(), "key=k") != lines {
			t.Errorf("%d lines, want 10: %.500s", lines, &log)
		}
	})
}
