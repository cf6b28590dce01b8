package session

// A Codec turns values into bytes and back, for the types that have no form of
// their own (see [Session.Set]). Its methods may be called by
// several goroutines at once, and must be pure: a commit may run them again.
type Codec interface {
	// Marshal returns bytes that it does not use again.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes what Marshal returned into what v points to. The bytes are
	// its own: it may decode in place, as [crypto/cipher] does, or keep them.
	Unmarshal(data []byte, v any) error
}
