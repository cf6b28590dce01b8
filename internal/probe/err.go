package probe

import (
	"errors"
	"fmt"

	"github.com/b4468f51/session/store"
)

// ErrDown is what a store says that cannot be reached. No answer may show it.
var ErrDown = errors.New("dial tcp 10.0.0.7:6379: password hunter2 refused")

// ErrNoReplica is what a store says that has written, and does not vouch for it.
var ErrNoReplica = fmt.Errorf("%w: no replica", store.ErrUnconfirmed)
