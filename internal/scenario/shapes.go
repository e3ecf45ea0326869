package scenario

import "math"

const quantiles = 4096

// sizes is a distribution as a table of quantiles: a draw is one look-up.
type sizes [quantiles]uint32

// pareto is the bounded Pareto distribution: few flows carry most bytes.
func pareto(alpha, least, most float64) *sizes {
	var s sizes
	for i := range s {
		u := (float64(i) + 0.5) / quantiles
		ratio := math.Pow(least/most, alpha)
		s[i] = uint32(least * math.Pow(1-u*(1-ratio), -1/alpha))
	}
	return &s
}

// shapes are the distributions that flows are drawn from.
type shapes struct {
	up, down *sizes // octets of a whole flow
	sampled  *sizes // packets that a sampler saw of one
}

func newShapes() shapes {
	return shapes{
		up:      pareto(1.3, 20_000, 8_000_000),
		down:    pareto(1.2, 40_000, 40_000_000),
		sampled: pareto(2, 1, 24),
	}
}

// service is what a flow is for.
type service struct {
	port  uint16
	proto uint8
	flags uint8
}

// services are drawn by three bits.
func services() [8]service {
	const whole = 0x1b // FIN, SYN, PSH, ACK
	return [8]service{
		{443, 6, whole},
		{443, 6, whole},
		{443, 6, whole},
		{443, 17, 0},
		{443, 17, 0},
		{5222, 6, 0x18},
		{80, 6, whole},
		{8883, 6, 0x18},
	}
}

// hourWeight is the rhythm of a week: h counts hours from Monday 00:00 UTC. People sleep, commute,
// and use their phones most in the evening; weekends are later and busier.
func hourWeight(h int) uint64 {
	weekday := [24]uint64{30, 22, 18, 16, 18, 28, 48, 70, 78, 72, 68, 70, 80, 76, 70, 70, 74, 84, 94, 104, 110, 104, 80, 50}
	weekend := [24]uint64{42, 32, 24, 18, 16, 18, 26, 40, 58, 72, 82, 88, 92, 92, 90, 90, 92, 96, 104, 112, 116, 112, 92, 64}
	if h/24%7 >= 5 {
		return weekend[h%24]
	}
	return weekday[h%24]
}
