package bench

import (
	"fmt"
	"strings"
)

// The large content: 50 strings, 8 KiB with their keys.
const (
	largeKeys = 50
	largeSize = 8 << 10
	largeKey  = "key-25" // the one that is read, in the middle
)

// large has the keys and values in order; wantLarge is the value of largeKey.
var large, wantLarge = makeLarge()

type keyValue struct{ key, value string }

func makeLarge() (all []keyValue, want string) {
	for i := range largeKeys {
		key := fmt.Sprintf("key-%02d", i)
		size := largeSize*(i+1)/largeKeys - largeSize*i/largeKeys - len(key)
		value := strings.Repeat(fmt.Sprintf("value-%02d,", i), size/9+1)[:size]
		all = append(all, keyValue{key, value})
		if key == largeKey {
			want = value
		}
	}
	return all, want
}
