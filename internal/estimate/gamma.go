package estimate

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Probabilities below the two ends.
const (
	lowerTail = (1 - Level) / 2
	upperTail = 1 - lowerTail
)

// Standard normal quantile of upperTail.
const normalQuantile = 1.959963984540054

// Shapes from which on the approximation is used. It is then within 0.00002 standard deviations, and
// thirty times quicker than the series.
const manyEvents = 1000

// gammaQuantile returns the quantile (lowerTail or upperTail) of the gamma distribution with a mean and
// a variance, both above 0.
func gammaQuantile(mean, variance, probability float64) float64 {
	shape := mean * mean / variance
	if shape >= manyEvents {
		// Wilson and Hilferty, "The distribution of chi-square", PNAS 17 (1931) 684–688.
		z := math.Copysign(normalQuantile, probability-0.5)
		root := 1 - 1/(9*shape) + z/(3*math.Sqrt(shape))
		return mean * root * root * root
	}
	if shape < 0.05 && probability == lowerTail {
		return 0 // below 10⁻³⁰ of the mean, and slow to find
	}
	return mathext.GammaIncRegInv(shape, probability) * variance / mean
}
