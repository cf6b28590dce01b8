package sqlstore

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// A slow database is not another application's table.
func TestMigrateThatIsCutShortBlamesNoTable(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, _ := fakeStore(t, func(query string) (int64, error) {
		if strings.HasPrefix(query, "SELECT") {
			cancel()
			return 0, context.Canceled
		}
		return 0, nil
	}, Options{})
	err := s.Migrate(ctx)
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "not a table of sessions") {
		t.Errorf("Migrate: %v", err)
	}
}
