package session

import "slices"

// dropUnchangedLocked drops the pending operations where all of them together
// leave the session as it was loaded: then there is nothing to write. Pop, Take and
// Clear are always written, since they have to meet what others have written
// meanwhile. So is all that may have been written already. It is for the one who
// holds committing: no operations are under way.
func (s *Session) dropUnchangedLocked() {
	if len(s.ops) == 0 || !s.stored || s.inDoubt != nil || s.draft.edit == nil {
		return
	}
	conditional := func(o op) bool { return o.kind > opDelete && o.kind != opLabel }
	if !slices.ContainsFunc(s.ops, conditional) && s.draft.unchanged() {
		s.ops, s.draft.edit, s.draft.shared = nil, nil, false
	}
}
