// Package values holds what can be kept in a session: which types come back as what,
// which are refused, what is no change, and what cannot be read any more.
package values
