package integration

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// TestNobodyReadsWhatIsAnothers has browsers with several tabs each sign in and
// out as different users, on two processes over one store, while jobs change
// their sessions. Every value says whose session it was put into: no user ever
// reads one of another's, and no session is ever that of two users.
func TestNobodyReadsWhatIsAnothers(t *testing.T) {
	if url := os.Getenv(childURL); url != "" {
		serveTainted(t, url)
		return
	}
	browsers, tabs, requests := 3, 4, 80
	if os.Getenv("SESSION_SOAK") != "" {
		requests = 4000
	}
	url := "sqlite:" + filepath.Join(t.TempDir(), "app.db")
	openStore(t, url) // two processes that begin with no file at once are another test
	sites := []string{startTainted(t, url), startTainted(t, url)}
	seen := &taints{t: t, owner: map[string]string{}}
	var wg sync.WaitGroup
	for b := range browsers {
		jar, _ := cookiejar.New(nil)
		client := &http.Client{Jar: jar, Timeout: time.Minute}
		for tab := range tabs {
			wg.Go(func() {
				chance := rand.New(rand.NewPCG(uint64(b), uint64(tab)))
				for range requests {
					seen.request(client, sites[chance.IntN(2)], chance)
				}
			})
		}
	}
	wg.Wait()
	if seen.values == 0 || len(seen.owner) < 2 {
		t.Errorf("%d values were read, in %d users' sessions: that shows nothing", seen.values, len(seen.owner))
	}
	t.Logf("%d values read in %d users' sessions, %d answers", seen.values, len(seen.owner), seen.answers)
}

// taints is what all browsers have seen.
type taints struct {
	t *testing.T

	mu              sync.Mutex
	owner           map[string]string // by session: whose it is
	values, answers int
}

// request does something in one tab, and checks what it is shown.
func (ts *taints) request(client *http.Client, site string, chance *rand.Rand) {
	query := url.Values{"do": {[]string{
		"read", "read", "set", "set", "set", "login", "login", "logout", "renew", "edit", "edit", "revoke",
	}[chance.IntN(12)]}}
	query.Set("as", []string{"alice", "bob"}[chance.IntN(2)])
	query.Set("key", fmt.Sprint("k", chance.IntN(3)))
	if id, owner := ts.session(chance); id != "" {
		query.Set("id", id)
		query.Set("for", owner)
	}
	res, err := client.Get(site + "/?" + query.Encode())
	if err != nil {
		ts.t.Error(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		ts.t.Error(err)
	}
	if res.StatusCode == http.StatusConflict {
		return // it came too late
	}
	if res.StatusCode != http.StatusOK {
		ts.t.Errorf("%s: %d %s", query.Get("do"), res.StatusCode, body)
		return
	}
	ts.look(strings.Fields(string(body)))
}

// session returns one of those that were seen, and whose it is.
func (ts *taints) session(chance *rand.Rand) (id, owner string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	n := chance.IntN(len(ts.owner) + 1)
	for id, owner := range ts.owner {
		if n--; n < 0 {
			return id, owner
		}
	}
	return "", ""
}

// look checks an answer: the session, its user, and the values.
func (ts *taints) look(words []string) {
	id, user, values := words[0], words[1], words[2:]
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.answers++
	ts.values += len(values)
	if user != "guest" {
		if before, ok := ts.owner[id]; ok && before != user {
			ts.t.Errorf("session %s was %s's and is %s's", id, before, user)
		}
		ts.owner[id] = user
	}
	for _, value := range values {
		if whose, _, _ := strings.Cut(value, ":"); whose != user && whose != "guest" {
			ts.t.Errorf("%s reads %s", user, value)
		}
	}
}

// startTainted starts a process that serves, and ends it with the test.
func startTainted(t *testing.T, url string) string {
	t.Helper()
	site, cmd, in := serving(t, url)
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return site
}

// serveTainted serves until standard input ends.
func serveTainted(t *testing.T, url string) {
	m, err := session.NewManager(openStore(t, url), session.Config{App: "taint", Cookie: session.Cookie{Insecure: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	server := httptest.NewServer(m.Handler(tainted(m)))
	defer server.Close()
	fmt.Println("serving", server.URL)
	io.Copy(io.Discard, os.Stdin)
}

// tainted is the handler of those processes.
func tainted(m *session.Manager) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, query := session.FromContext(r.Context()), r.URL.Query()
		var err error
		switch query.Get("do") {
		case "set":
			err = s.Set(query.Get("key"), whose(s)+":request")
		case "login":
			err = s.Login(query.Get("as"))
		case "logout":
			err = s.Destroy(r.Context())
		case "renew":
			err = s.Renew()
		case "edit":
			id, _ := store.ParseID(query.Get("id"))
			// A job that was begun for a user knows their session by its ID.
			err = m.Edit(r.Context(), id, func(s *session.Session) error { return s.Set(query.Get("key"), query.Get("for")+":job") })
		case "revoke":
			_, err = m.RevokeAll(r.Context(), query.Get("as"))
		}
		if err == nil {
			err = s.Save(r.Context()) // what is written below is what was committed
		}
		if err != nil {
			http.Error(w, err.Error(), session.ErrorStatus(err))
			return
		}
		fmt.Fprint(w, s.ID(), " ", whose(s))
		for key := range s.Keys() {
			fmt.Fprint(w, " ", s.Get(key))
		}
	}
}

func whose(s *session.Session) string {
	if subject := s.Subject(); subject != "" {
		return subject
	}
	return "guest"
}
