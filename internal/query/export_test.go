package query

import (
	"context"
	"time"
)

// LimitRows lowers MaxRows for a test.
func (c *Client) LimitRows(n int) { c.maxRows = n }

// Bounded gives a context as statements have it.
func (c *Client) Bounded(ctx context.Context) context.Context { return c.bounded(ctx) }

// At sets the client's clock.
func (c *Client) At(now time.Time) { c.now = func() time.Time { return now } }

// Take sets some dimensions of a key to those of another.
func Take(k *Key, from Key, of []Dimension) { k.take(&from, of) }

// CompareKeys orders keys as answers do.
func CompareKeys(x, y Key, by []Dimension) int { return x.compare(&y, by) }
