package storetest

import "sync"

// together calls f(0) to f(n-1), each on a goroutine of its own, lets them
// begin at the same moment, and waits for all.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}
