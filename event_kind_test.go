package session

import (
	"testing"

	"github.com/b4468f51/session/internal/life"
)

// What internal/life reports has the names that users know.
func TestTheKindsOfEventsAgree(t *testing.T) {
	for public, inLife := range map[EventKind]string{
		EventCreated:         life.Created,
		EventUnannounced:     life.Unannounced,
		EventLogin:           life.Login,
		EventReauthenticated: life.Reauthenticated,
		EventRenewed:         life.Renewed,
		EventRotated:         life.Rotated,
		EventDestroyed:       life.Destroyed,
		EventRevoked:         life.Revoked,
		EventRefused:         life.Refused,
		EventMalformed:       life.Malformed,
		EventDuplicate:       life.Duplicate,
		EventUnknown:         life.Unknown,
		EventStale:           life.Stale,
		EventReused:          life.Reused,
		EventCorrupt:         life.Corrupt,
		EventUndecodable:     life.Undecodable,
		EventUnsaved:         life.Unsaved,
		EventLoadFailed:      life.LoadFailed,
		EventCommitFailed:    life.CommitFailed,
		EventRotateFailed:    life.RotateFailed,
		EventTouchFailed:     life.TouchFailed,
		EventLimitFailed:     life.LimitFailed,
	} {
		if string(public) != inLife {
			t.Errorf("%q is called %q in internal/life", public, inLife)
		}
	}
}
