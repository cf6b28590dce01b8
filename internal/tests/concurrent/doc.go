// Package concurrent holds what happens when several requests, machines and goroutines use
// one session, and when nobody knows whether a write has happened. Part of it is done at
// random, and compared with a model; make soak does more of that.
package concurrent
