package bus

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestOutageIsSaidOnceByShortFetches: whoever fetches with a deadline of a second, as the services
// do, fills no log while the broker is gone.
func TestOutageIsSaidOnceByShortFetches(t *testing.T) {
	c := DefaultConfig()
	c.Brokers = []string{"127.0.0.1:1"} // nobody listens there
	var out bytes.Buffer
	client, err := New(c, slog.New(slog.NewTextHandler(&out, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	p := &Partition{Topic: "x", client: client}
	defer p.close()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		if _, err := p.Fetch(ctx); err == nil {
			t.Error("a message from nowhere")
		}
		cancel()
	}
	if n := strings.Count(out.String(), "waiting for Kafka"); n != 1 {
		t.Errorf("said %d times:\n%s", n, out.String())
	}
}
