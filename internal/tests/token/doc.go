// Package token holds the way of a token: in a cookie or a header, one or several at
// once, replaced, killed, lapsed, or lost on its way.
package token
