package estimate

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Packets of one weight are Poisson counts: the interval is Garwood's, as printed in tables.
func TestEqualPackets(t *testing.T) {
	for _, c := range []struct {
		seen      uint64
		low, high float64
	}{
		{0, 0, 3.689}, {1, 0.0253, 5.572}, {2, 0.242, 7.225}, {5, 1.623, 11.668}, {10, 4.795, 18.390}, {100, 81.364, 121.627},
	} {
		const n = 1_000_000
		got := Packets(c.seen*n, float64(c.seen)*n*(n-1), n)
		if math.Abs(got.Low/n-c.low) > 0.001 || math.Abs(got.High/n-c.high) > 0.001 {
			t.Errorf("%d seen: [%.4f, %.4f], want [%.4f, %.4f]", c.seen, got.Low/n, got.High/n, c.low, c.high)
		}
	}
}

func TestNothingObserved(t *testing.T) {
	for _, n := range []uint32{2, 10, 1000, 10000} {
		got := Bytes(0, 0, 0, n, 1500)
		// The most packets of which none is seen with more than 2.5 %.
		packets := math.Floor(math.Log(0.025) / math.Log1p(-1/float64(n)))
		if got.Low != 0 || got.High < 1500*packets || got.High > 1500*(packets+1) {
			t.Errorf("nothing observed at 1 in %d: %+v, want up to %g packets of 1500 octets", n, got, packets)
		}
	}
	for _, n := range []uint32{0, 1} {
		if got := Bytes(0, 0, 0, n, 1500); got != (Interval{}) {
			t.Errorf("nothing there at 1 in %d: %+v", n, got)
		}
	}
}

func TestExactWhereNothingWasSampled(t *testing.T) {
	got := Bytes(12345, 0, 0, 1, 0)
	if got != (Interval{12345, 12345}) || !got.Exact() {
		t.Errorf("%+v", got)
	}
}

// Frames larger than the setting are seen in the sums.
func TestLargerPacketsThanTheSetting(t *testing.T) {
	const n, packets, size = 100, 1000, 9000
	high := float64(n * (n - 1) * packets * size)
	total := uint64(n * packets * size)
	if got, want := Bytes(total, high*size, high, n, 1500), Bytes(total, high*size, high, n, 9000); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint32().Draw(t, "n")
		total := rapid.Uint64().Draw(t, "total")
		high := rapid.Float64Range(0, 1e30).Draw(t, "high")
		low := high * rapid.Float64Range(0, 2000).Draw(t, "mean size")
		i := Bytes(total, low, high, n, 1500)
		if !(i.Low >= 0 && i.Low <= float64(total) && i.High >= float64(total)) || math.IsInf(i.High, 0) {
			t.Fatalf("%d: %+v", total, i)
		}
		p := Packets(total, high, n)
		if !(p.Low >= 0 && p.Low <= float64(total) && p.High >= float64(total)) || math.IsInf(p.High, 0) {
			t.Fatalf("%d: %+v", total, p)
		}
		rest := rapid.Uint64().Draw(t, "rest")
		part := rapid.Float64Range(0, 1).Draw(t, "variance of the rest")
		s := Share(Sum{total, low, high}, Sum{rest, low * part, high * part}, n, 1500)
		share := float64(total) / (float64(total) + float64(rest))
		if !(s.Low >= 0 && s.High <= 1) || total+rest > 0 && !(s.Low <= share+1e-9 && s.High >= share-1e-9) {
			t.Fatalf("share %g of %+v: %+v", share, i, s)
		}
	})
}

func TestShareOfExactParts(t *testing.T) {
	got := Share(Sum{Total: 25}, Sum{Total: 75}, 1, 0)
	if math.Abs(got.Low-0.25) > 1e-12 || math.Abs(got.High-0.25) > 1e-12 {
		t.Errorf("%+v, want 0.25", got)
	}
	if got := Share(Sum{}, Sum{}, 1, 0); got != (Interval{0, 1}) {
		t.Errorf("no bytes at all: %+v, want any share", got)
	}
}

// The quantiles of both ways agree where they meet.
func TestQuantilesMeet(t *testing.T) {
	for _, p := range []float64{lowerTail, upperTail} {
		below, above := gammaQuantile(manyEvents-1e-6, manyEvents-1e-6, p), gammaQuantile(manyEvents, manyEvents, p)
		if math.Abs(above-below) > 0.001 {
			t.Errorf("%g: %g from the series, %g from the approximation", p, below, above)
		}
	}
}

func BenchmarkBytes(b *testing.B) {
	for name, seen := range map[string]uint64{"few": 30, "many": 1e6} {
		b.Run(name, func(b *testing.B) {
			const n, size = 1000, 700
			high := float64(n*(n-1)) * size * float64(seen)
			b.ReportAllocs()
			for b.Loop() {
				Bytes(n*size*seen, high*size, high, n, 1500)
			}
		})
	}
}
