package integration

import (
	"os"
	"testing"

	"github.com/b4468f51/session/internal/integration/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }
