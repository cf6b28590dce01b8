package life

// A commit, Destroy, Reload, Touch and Take of one Session take turns: each runs while no
// other does. The turn is held while the store is asked, which mu never is. It is a flag under
// mu, and no lock of its own, because most requests only look whether it is taken.

// takeTurn waits until no other has the turn.
func (s *Session) takeTurn() {
	s.lockBetweenTurns()
	s.turnTaken = true
	s.mu.Unlock()
}

// endTurn gives the turn to whoever waits for it.
func (s *Session) endTurn() {
	s.mu.Lock()
	s.turnTaken = false
	if s.rare != nil && s.rare.turnEnds != nil {
		close(s.rare.turnEnds)
		s.rare.turnEnds = nil
	}
	id := s.watchedLocked().draft.Rec.ID
	s.mu.Unlock()
	s.host.watches.Free(id)
}

// lockBetweenTurns locks mu while nobody has the turn.
func (s *Session) lockBetweenTurns() {
	s.mu.Lock()
	for s.turnTaken {
		r := s.rareLocked()
		if r.turnEnds == nil {
			r.turnEnds = make(chan struct{})
		}
		ends := r.turnEnds
		s.mu.Unlock()
		<-ends
		s.mu.Lock()
	}
}
