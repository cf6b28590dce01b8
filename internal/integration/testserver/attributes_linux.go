package testserver

import "syscall"

// attributes has a server end with the tests, however they end, and not by the
// keys that are typed to end the tests.
func attributes(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: cred, Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
