package session

import (
	"testing"
	"unsafe"
)

// TestExchangeIsSmall: all that a request needs is one allocation, of a size
// that the runtime serves at half the cost of the next.
func TestExchangeIsSmall(t *testing.T) {
	const most = 512 // bytes: runtime's minSizeForMallocHeader
	if size := unsafe.Sizeof(exchange{}); unsafe.Sizeof(uintptr(0)) == 8 && size > most {
		t.Errorf("an exchange takes %d bytes, want at most %d", size, most)
	}
}
