package query

// LimitRows lowers MaxRows for a test.
func (c *Client) LimitRows(n int) { c.maxRows = n }
