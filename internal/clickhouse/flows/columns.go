package flows

import (
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

type integer interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int32 | ~int64
}

// stated keeps a column from taking the parameters of its type from the server's, which it cannot
// read where that is a SimpleAggregateFunction.
type stated struct{ proto.ColInput }

// narrow appends src to dst; the values fit.
func narrow[S ~[]D, D, T integer](dst S, src []T) S {
	at := len(dst)
	dst = slices.Grow(dst, len(src))[:at+len(src)]
	for i, v := range src {
		dst[at+i] = D(v)
	}
	return dst
}

// column appends the n values of a batch's column to dst; a column that is left out is n zeros.
func column[S ~[]D, D, T integer](dst S, src []T, n int) S {
	if len(src) == 0 {
		return repeat(dst, 0, n)
	}
	return narrow(dst, src)
}

// sized returns dst with n values, which the caller sets.
func sized[S ~[]T, T any](dst S, n int) S { return slices.Grow(dst[:0], n)[:n] }

// repeat appends v n times.
func repeat[S ~[]D, D any](dst S, v D, n int) S {
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	for i := at; i < len(dst); i++ {
		dst[i] = v
	}
	return dst
}

// addresses appends the n addresses of a batch's column, 16 bytes each.
func addresses(dst proto.ColIPv6, src []byte, n int) proto.ColIPv6 {
	if len(src) == 0 {
		return repeat(dst, proto.IPv6{}, n)
	}
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	for i := range n {
		dst[at+i] = proto.IPv6(src[i*addrSize:])
	}
	return dst
}

func value[T any](column []T, i int) T {
	if len(column) == 0 {
		var zero T
		return zero
	}
	return column[i]
}
