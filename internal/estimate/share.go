package estimate

import "math"

// Share returns the interval of the share part/(part+rest) of bytes, between 0 and 1. part and rest are
// of different flows; samplingMax and largestPacket are as for Bytes.
//
// The ends are those shares p for which the interval of (1−p)·part − p·rest ends at 0, the variances
// being recovered from the intervals of both: Zou and Donner, "Construction of confidence limits about
// effect measures: a general approach", Statistics in Medicine 27 (2008) 1693–1702.
func Share(part, rest Sum, samplingMax uint32, largestPacket float64) Interval {
	a, b := part.normal(samplingMax, largestPacket), rest.normal(samplingMax, largestPacket)
	return Interval{Low: lowestShare(a, b), High: 1 - lowestShare(b, a)}
}

// lowestShare returns the lower end of part/(part+rest).
func lowestShare(part, rest sampled) float64 {
	if part.total == 0 {
		return 0
	}
	a, low := part.total, part.soft().Low
	b, high := rest.total, rest.soft().High
	// a − r·b = √((a − low)² + r²·(high − b)²) for the ratio r. This form of its solution has no
	// difference below the line, and holds where high − b exceeds b.
	down, up := a*a-(a-low)*(a-low), b*b-(high-b)*(high-b)
	share := 0.0
	if down > 0 {
		share = down / (down + a*b + math.Sqrt(max(0, a*a*b*b-down*up)))
	}
	// What was seen was sent, however much the rest is.
	return max(share, part.seen()/(part.seen()+high))
}
