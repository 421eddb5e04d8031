package checkouttest_test

import (
	"testing"

	"go.uber.org/goleak"
)

// The shop promises to start nothing that goes on.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
