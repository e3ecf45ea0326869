package kafkatest_test

import (
	"testing"

	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
)

// TestContract is on the embedded broker, or on the one LANDFALL_TEST_KAFKA names.
func TestContract(t *testing.T) {
	kafkatest.Contract(t, []string{kafkatest.Start(t)})
}
