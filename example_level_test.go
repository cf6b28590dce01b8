package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// An observer counts the errors, which call for action. It logs every event.
func ExampleEvent_Level() {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: levelAndMessage})))

	var alerts atomic.Int32
	sessions, err := session.NewManager(memstore.New(), session.Config{
		Observer: func(ctx context.Context, e session.Event) {
			if e.Level() >= slog.LevelError {
				alerts.Add(1)
			}
			session.LogEvent(ctx, e)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	ctx := context.Background()
	sessions.Report(ctx, session.Event{Kind: session.EventCreated})
	sessions.Report(ctx, session.Event{Kind: session.EventLoadFailed, Err: errors.New("no connection")})
	fmt.Println(alerts.Load(), "alert")
	// Output:
	// level=ERROR msg="session: load failed"
	// 1 alert
}
