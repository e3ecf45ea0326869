package flows

import "github.com/ClickHouse/ch-go/proto"

// dictionary is the names that occur in a block, for one or more columns.
type dictionary struct {
	names proto.ColStr
	index map[string]uint32
}

func newDictionary(names ...string) *dictionary {
	d := &dictionary{index: make(map[string]uint32)}
	for _, name := range names {
		d.key(name)
	}
	return d
}

// key returns the key of s for append.
func (d *dictionary) key(s string) uint32 {
	if k, ok := d.index[s]; ok {
		return k
	}
	k := uint32(len(d.index))
	d.index[s] = k
	d.names.Append(s)
	return k
}

// keyOf is key for a name that is not a string yet.
func (d *dictionary) keyOf(s []byte) uint32 {
	if k, ok := d.index[string(s)]; ok {
		return k
	}
	return d.key(string(s))
}

func (d *dictionary) reset() {
	d.names.Reset()
	clear(d.index)
}

// lowCardinality is a LowCardinality(String) column that is filled by key: a string is looked up
// once for each entry of a batch's dictionary, and a flow costs an append of an integer.
type lowCardinality struct {
	*dictionary
	keys   []uint32
	native proto.ColLowCardinalityRaw
}

func (c *lowCardinality) append(key uint32) { c.keys = append(c.keys, key) }

// sized makes the column n rows long and returns its keys, which the caller sets.
func (c *lowCardinality) sized(n int) []uint32 {
	c.keys = sized(c.keys, n)
	return c.keys
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
