package main

import (
	"context"
	"sync"
	"time"
)

// A queue lets a few in at a time, and a bounded number wait for their turn, in
// the order in which they came. Of those each client has no more than a share,
// so one that opens a thousand connections waits behind itself alone.
type queue struct {
	slots chan struct{}
	room  int // how many may be in, or wait
	share int // and of one client

	mu    sync.Mutex
	count int
	of    map[string]int // by client
}

// queueWait is how long anybody waits at most.
const queueWait = 10 * time.Second

func newQueue(slots, room, share int) *queue {
	return &queue{slots: make(chan struct{}, slots), room: room, share: share, of: map[string]int{}}
}

// enter waits for the turn of a client, which ends with leave. It returns errBusy
// at once where too many wait, and after queueWait.
func (q *queue) enter(ctx context.Context, client string) (leave func(), err error) {
	if !q.join(client) {
		return nil, errBusy
	}
	timer := time.NewTimer(queueWait)
	defer timer.Stop()
	select {
	case q.slots <- struct{}{}:
		return func() { <-q.slots; q.quit(client) }, nil
	case <-timer.C:
		err = errBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	q.quit(client)
	return nil, err
}

func (q *queue) join(client string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count >= q.room || q.of[client] >= q.share {
		return false
	}
	q.count++
	q.of[client]++
	return true
}

func (q *queue) quit(client string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count--
	if q.of[client]--; q.of[client] == 0 {
		delete(q.of, client)
	}
}
