package show

import (
	"math"
	"strconv"
	"strings"

	"github.com/landfall-telemetry/landfall/internal/estimate"
)

// Bytes writes a number of bytes with three figures and a decimal unit: "12.3 GB".
func Bytes(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10) + " B"
	}
	return size(float64(n))
}

// size is Bytes for the ends of an interval.
func size(value float64) string {
	if value < 999.5 {
		return strconv.FormatFloat(math.Round(value), 'f', 0, 64) + " B"
	}
	unit := -1
	// 999.5 would round to 1000 of its unit.
	for value >= 999.5 && unit < 5 {
		value /= 1000
		unit++
	}
	digits := 2
	switch {
	case value >= 99.95:
		digits = 0
	case value >= 9.995:
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + [...]string{"kB", "MB", "GB", "TB", "PB", "EB"}[max(unit, 0)]
}

// wide is the half width beyond which an estimate is told by the ends of its interval.
const wide = 0.5

// within is what stands beside an estimate: "± 4%" with both ends inside, or the two ends of a wide
// interval; empty for what was counted in full.
func within(value uint64, i estimate.Interval) string {
	if i.Exact() {
		return ""
	}
	v := float64(value)
	if value == 0 {
		return below(i.High)
	}
	half := max(i.High-v, v-i.Low) / v
	switch {
	case half > wide:
		low, high := size(i.Low), size(i.High)
		if number, unit, _ := strings.Cut(low, " "); strings.HasSuffix(high, " "+unit) {
			low = number
		}
		return low + "–" + high
	case half < 0.00095:
		return "± 0.1%"
	case half < 0.0095:
		return "± " + strconv.FormatFloat(100*half, 'f', 1, 64) + "%"
	}
	return "± " + strconv.FormatFloat(math.Ceil(100*half-0.05), 'f', 0, 64) + "%"
}

// below is what may have been sent where nothing was seen.
func below(high float64) string { return "< " + size(high) }

// percent is a share. What is there but rounds to nothing is not shown as nothing.
func percent(share float64) string {
	if share > 0 && share < 0.0005 {
		return "<0.1%"
	}
	return strconv.FormatFloat(100*share, 'f', 1, 64) + "%"
}

// counted is a share of what was sent. It does not round up to all of it.
func counted(share float64) string {
	if share < 1 && share >= 0.9995 {
		return "> 99.9%"
	}
	return strconv.FormatFloat(100*share, 'f', 1, 64) + "%"
}

// number has its digits in threes.
func number(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
