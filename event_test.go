package session_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// capture sends the log to a buffer until the test ends.
func capture(t *testing.T) *bytes.Buffer {
	t.Helper()
	was, log := slog.Default(), new(bytes.Buffer)
	t.Cleanup(func() { slog.SetDefault(was) })
	slog.SetDefault(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	return log
}

func TestAnEventIsLoggedAtItsLevel(t *testing.T) {
	log := capture(t)
	for kind, want := range map[session.EventKind]slog.Level{
		session.EventCommitFailed: slog.LevelError,
		session.EventTouchFailed:  slog.LevelWarn,
		session.EventCookieLost:   slog.LevelWarn,
		session.EventLogin:        slog.LevelDebug,
	} {
		log.Reset()
		e := session.Event{Kind: kind, Subject: "alice@example.com", Err: errors.New("because")}
		session.LogEvent(t.Context(), e)
		line := log.String()
		if e.Level() != want || strings.Count(line, "\n") != 1 || !strings.Contains(line, "level="+want.String()+" msg=\"session: "+string(kind)+"\"") {
			t.Errorf("%s has level %v, want %v, and is logged as %q", kind, e.Level(), want, line)
		}
		if !strings.Contains(line, "because") || strings.Contains(line, "alice") {
			t.Errorf("%s is logged as %q, want the error and no subject", kind, line)
		}
	}
}

// Who sets an Observer has what there was without one.
func TestTheDefaultObserverCanBeCalled(t *testing.T) {
	log := capture(t)
	p, told := probe.New(t, session.Config{}), 0
	logged := func(observer func(context.Context, session.Event)) string {
		t.Helper()
		m, err := session.NewManager(p.Tap, session.Config{Observer: observer})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		log.Reset()
		if err := m.Revoke(t.Context(), session.ID{1}); err != nil {
			t.Fatal(err)
		}
		_, line, _ := strings.Cut(log.String(), " ") // after the time
		return line
	}
	bare := logged(nil)
	if bare == "" {
		t.Fatal("nothing is logged")
	}
	if got := logged(func(ctx context.Context, e session.Event) { told++; session.LogEvent(ctx, e) }); got != bare || told != 1 {
		t.Errorf("%d events, and the log says %q; want %q", told, got, bare)
	}
}
