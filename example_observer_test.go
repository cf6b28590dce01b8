package session_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// An observer counts events for a dashboard, and then logs them as if there were
// none.
func ExampleLogEvent() {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: levelAndMessage})))

	var mu sync.Mutex
	counts := make(map[session.EventKind]int)
	sessions, err := session.NewManager(memstore.New(), session.Config{
		Observer: func(ctx context.Context, e session.Event) {
			mu.Lock()
			counts[e.Kind]++
			mu.Unlock()
			session.LogEvent(ctx, e)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	// A deploy has changed the type of a value.
	before, after := session.NewKey[string]("visits"), session.NewKey[int]("visits")
	mux := http.NewServeMux()
	mux.HandleFunc("/before", func(w http.ResponseWriter, r *http.Request) {
		if err := before.Set(session.FromContext(r.Context()), "many"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/after", func(w http.ResponseWriter, r *http.Request) {
		visits, _ := after.Get(session.FromContext(r.Context()))
		fmt.Fprint(w, visits)
	})
	visit(sessions.Handler(mux), "/before", "/after")
	fmt.Println(counts[session.EventCreated], "created,", counts[session.EventUndecodable], "undecodable")
	// Output:
	// /before 200:
	// level=WARN msg="session: undecodable value"
	// /after 200: 0
	// 1 created, 1 undecodable
}

// levelAndMessage leaves out of a log what differs from run to run.
func levelAndMessage(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
		return a
	}
	return slog.Attr{}
}
