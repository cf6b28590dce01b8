// Package respond is the answer to one request, on its way out. It has a ResponseWriter
// that calls back before the first byte leaves, and that can put another answer in the
// place of the handler's when the callback fails.
//
// It knows net/http: which methods a ResponseWriter may have, when a header leaves, what a
// server does with its request afterwards. It does not know what the callbacks are for:
// no session, no store, no manager and no configuration.
package respond
