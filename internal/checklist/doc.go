// Package checklist holds the security checklist row by row, and what other session
// libraries got wrong. A test is named after its row, as SECURITY.md explains, and knows
// HTTP and the public face of package session alone.
package checklist
