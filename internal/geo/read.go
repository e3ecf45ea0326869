package geo

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
)

var (
	errEmpty = errors.New("the file is empty")
	errLarge = errors.New("it unpacks to more than 1 GiB")
)

// mostUnpacked bounds what a compressed file may become. The largest city
// tables take a fifth of it.
const mostUnpacked = 1 << 30

// readFile reads a file and its identity, which is that of the compressed
// bytes of a .gz file.
func readFile(path string) (file, []byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return file{}, nil, err
	}
	f := newFile(path, data)
	if data, err = unpacked(data, mostUnpacked); err != nil {
		return file{}, nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(bytes.TrimSpace(data[:min(len(data), 64)])) == 0 {
		return file{}, nil, fmt.Errorf("%s: %w", path, errEmpty)
	}
	return f, data, nil
}

// unpacked undoes gzip, which is told by its first bytes (RFC 1952).
func unpacked(data []byte, most int64) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b, 8}) {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(z, most+1))
	if err != nil {
		return nil, fmt.Errorf("unpack, after %d bytes: %w", len(out), err)
	}
	if int64(len(out)) > most {
		return nil, errLarge
	}
	return out, nil
}

// specialPrefixes are the special-purpose blocks as prefixes.
var specialPrefixes = func() []netip.Prefix {
	out := make([]netip.Prefix, len(special))
	for i, s := range special {
		out[i] = netip.MustParsePrefix(s.prefix)
	}
	return out
}()

// parsePrefix reads a prefix of a list. One that is not masked, that maps IPv4
// into IPv6, or that touches a special-purpose block is refused: no list can
// truly speak of it.
func parsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, fmt.Errorf("%q is not a prefix", text)
	case p.Addr().Is4In6():
		return p, fmt.Errorf("%s maps IPv4 into IPv6: write the IPv4 prefix", p)
	case p != p.Masked():
		return p, fmt.Errorf("%s has bits set beyond its length: %s is meant, or another length", p, p.Masked())
	}
	for i, s := range specialPrefixes {
		if s.Overlaps(p) {
			return p, fmt.Errorf("%s touches %s (%s), which is nowhere", p, s, special[i].reason)
		}
	}
	return p, nil
}

// layer is what one source says of both families.
type layer struct {
	v4 runs[key4]
	v6 runs[key6]
}

// nothing is a layer without a word.
func nothing() layer { return layer{(&sorted[key4]{}).done(), (&sorted[key6]{}).done()} }

// claims builds a layer from prefixes, of which the longest wins.
type claims struct {
	v4 nested[key4]
	v6 nested[key6]
}

func (c *claims) add(p netip.Prefix, value uint32) {
	if p.Addr().Is4() {
		c.v4.spans = append(c.v4.spans, span[key4]{key4Of(p.Addr()), key4Of(lastOf(p)), value})
		return
	}
	c.v6.spans = append(c.v6.spans, span[key6]{key6Of(p.Addr()), key6Of(lastOf(p)), value})
}

func (c *claims) flatten() layer { return layer{c.v4.flatten(), c.v6.flatten()} }
