// Package answer holds what becomes of the response, and of the request: the first byte
// that commits, what stands in the place of an answer that failed, the methods of the
// ResponseWriter, upgrades, and whatever stands around the middleware in a chain.
package answer
