package query

import (
	"context"
	"errors"
)

var errSoon = errors.New("not answered yet")

// Endpoints answers from the endpoint history.
func (c *Client) Endpoints(context.Context, Endpoints) (EndpointsAnswer, error) {
	return EndpointsAnswer{}, errSoon
}

// NewSince answers from the endpoint history.
func (c *Client) NewSince(context.Context, NewSince) (NewSinceAnswer, error) {
	return NewSinceAnswer{}, errSoon
}

// Compare answers from the rollups.
func (c *Client) Compare(context.Context, Compare) (CompareAnswer, error) {
	return CompareAnswer{}, errSoon
}
