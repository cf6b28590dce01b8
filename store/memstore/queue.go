package memstore

// A queue is a heap of entries, the one that is due first at its root. It
// implements [heap.Interface], and each entry knows its place.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due < q[j].due }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].queueIndex, q[j].queueIndex = int32(i), int32(j)
}

func (q *queue) Push(x any) {
	e := x.(*entry)
	e.queueIndex = int32(len(*q))
	*q = append(*q, e)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil // or the array would keep it
	*q = (*q)[:last]
	return e
}
