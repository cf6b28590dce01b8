// Package life holds the life of a session: what counts as use, how long it lasts, what
// a handler may still do with it, and how it ends.
package life
