// Package accounts holds what concerns subjects: signing in, also as another one, how many
// sessions they may have and where, and how those are revoked.
package accounts
