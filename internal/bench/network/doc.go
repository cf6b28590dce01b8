// Package network measures stores through net/http servers: requests a second,
// percentiles of how long one takes, what it asks of the store, and the CPU time
// of both, beside github.com/alexedwards/scs/v2 and beside handlers that do the
// least that a session takes. All of it is in its tests; see "make help".
//
// Everything runs on one machine, over the loopback interface, in processes of
// its own: the store's server, one process for each contestant that serves HTTP,
// and one that sends the requests. They are this package's test binary, which
// [testing.M] starts again in another role.
package network
