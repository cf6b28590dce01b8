package session

import (
	"slices"

	"github.com/b4468f51/session/internal/change"
)

// dropUnchangedLocked drops the pending operations where all of them together
// leave the session as it was loaded: then there is nothing to write. Pop, Take and
// Clear are always written, since they have to meet what others have written
// meanwhile. It is for the one who holds committing: no operations are under way.
func (s *Session) dropUnchangedLocked() {
	if len(s.ops) == 0 || s.phase != stored || !s.draft.Changed() {
		return
	}
	conditional := func(o change.Op) bool { return o.Kind > change.Delete && o.Kind != change.Label }
	if !slices.ContainsFunc(s.ops, conditional) && s.draft.Unchanged() {
		s.ops = nil
		s.draft.Drop()
	}
}
