package flows

import "github.com/ClickHouse/ch-go/proto"

// lowCardinality is a LowCardinality(String) column that is filled by key: a string is looked up
// once for each entry of a batch's dictionary, and a flow costs an append of an integer.
type lowCardinality struct {
	names  proto.ColStr
	index  map[string]uint32
	keys   []uint32
	native proto.ColLowCardinalityRaw
}

func newLowCardinality() *lowCardinality {
	c := &lowCardinality{index: make(map[string]uint32)}
	c.native.Index = &c.names
	return c
}

// key returns the key of s for append.
func (c *lowCardinality) key(s string) uint32 {
	if k, ok := c.index[s]; ok {
		return k
	}
	k := uint32(len(c.index))
	c.index[s] = k
	c.names.Append(s)
	return k
}

func (c *lowCardinality) append(key uint32) { c.keys = append(c.keys, key) }

// repeat appends s n times.
func (c *lowCardinality) repeat(s string, n int) {
	k := c.key(s)
	for range n {
		c.keys = append(c.keys, k)
	}
}

// seal narrows the keys to what the dictionary needs, for sending.
func (c *lowCardinality) seal() {
	n := &c.native
	n.Keys8, n.Keys16, n.Keys32 = n.Keys8[:0], n.Keys16[:0], n.Keys32[:0]
	switch {
	case len(c.index) <= 1<<8:
		n.Key = proto.KeyUInt8
		n.Keys8 = narrow(n.Keys8, c.keys)
	case len(c.index) <= 1<<16:
		n.Key = proto.KeyUInt16
		n.Keys16 = narrow(n.Keys16, c.keys)
	default:
		n.Key = proto.KeyUInt32
		n.Keys32 = narrow(n.Keys32, c.keys)
	}
}

func (c *lowCardinality) reset() {
	c.names.Reset()
	clear(c.index)
	c.keys = c.keys[:0]
}
