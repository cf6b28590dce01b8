package store

// Forget makes a name unknown, as it is to a program that does not import the package. It
// returns a function that makes the name known again.
func Forget(name string) (restore func()) {
	openersMu.Lock()
	defer openersMu.Unlock()
	open, known := openers[name]
	delete(openers, name)
	return func() {
		if known {
			Register(name, open)
		}
	}
}
