package session_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// Run with the race detector: a session of Start writes its cookies into the header at
// once, whichever goroutine has them set.
func TestASessionOfStartIsUsedByManyGoroutines(t *testing.T) {
	m, err := session.NewManager(memstore.New(), session.Config{Cookie: session.Cookie{Persistent: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	s, err := m.Start(w, r)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := s.Binding("test"); err != nil {
					t.Error(err)
				}
				if err := s.Login("u"); err != nil {
					t.Error(err)
				}
				if err := s.Save(r.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	n := 0
	for _, ck := range (&http.Response{Header: w.Header()}).Cookies() {
		if ck.Name == "__Host-id" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the header has %d cookies of the session, want the last one: %q", n, w.Header()["Set-Cookie"])
	}
}
