// Package cookiestore seals sessions into the cookie itself, so that the server
// keeps nothing. It is for [session.NewSealed], which says what a session that
// the client holds can and cannot promise.
//
//	keys, err := cookiestore.KeysFromEnv("SESSION_KEYS")
//	...
//	ring, err := cookiestore.New(keys...)
//	...
//	sessions, err := session.NewSealed(ring, session.Config{})
//
// # Keys
//
// A key is 32 random bytes, written as base64 or hex:
//
//	openssl rand -base64 32
//
// Keys come from a file or the environment, and never from a URL, which ends in
// logs. To replace a key, add the new one behind the old on every machine, then
// move it to the front, and remove the old one once the longest
// session.Config.Lifetime is over. The first key seals; any opens; what another
// than the first opened is sealed again with the next answer. Removing a key
// ends what it sealed, at once.
//
// # Construction
//
//	salt   = 16 random bytes
//	okm    = HKDF-SHA256(key, salt, "session/v1" | 0 | scope, 64 bytes)
//	K, C   = okm[:32], okm[32:]
//	ct     = AES-256-GCM(K), random nonce, additional data version | kid | salt | C
//	token  = base64url(version | kid | salt | C | nonce | ct | tag)
//
// The scope names the purpose, the cookie and the application, so that what was
// sealed for one opens for no other. Each token has an AES key of its own: the
// limit of 2^32 messages under one key, which random nonces have, does not bind
// the ring's. C commits a token to its key and scope, which GCM alone does not.
// The key is chosen by its ID, kid, never by trial. Nothing is compressed, so
// the length of a cookie tells the length of its content and no more.
//
// [session.NewSealed]: https://pkg.go.dev/github.com/b4468f51/session#NewSealed
package cookiestore
