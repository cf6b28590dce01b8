package memstore

// An index has the entries of each subject, in no order. Each entry knows its
// place, so that a subject of very many sessions costs no search.
type index map[string][]*entry

// add puts an entry under its subject. An anonymous one has no place.
func (x index) add(e *entry) {
	if e.subject == "" {
		return
	}
	e.indexIndex = int32(len(x[e.subject]))
	x[e.subject] = append(x[e.subject], e)
}

// remove takes an entry from its subject: the last one fills the gap.
func (x index) remove(e *entry) {
	if e.subject == "" {
		return
	}
	entries := x[e.subject]
	last := entries[len(entries)-1]
	last.indexIndex = e.indexIndex
	entries[e.indexIndex] = last
	entries[len(entries)-1] = nil
	if entries = entries[:len(entries)-1]; len(entries) == 0 {
		delete(x, e.subject)
	} else {
		x[e.subject] = entries
	}
}
