package estimate

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/mathext"
)

// Probabilities below the two ends.
const (
	lowerTail = (1 - Level) / 2
	upperTail = 1 - lowerTail
)

// Standard normal quantile of upperTail.
const normalQuantile = 1.959963984540054

// Shapes from which on the approximation is used. It is then within 0.00002 standard deviations.
const manyEvents = 1000

// The least shape of which the lower quantile is told from 0: it is below 10⁻¹⁴ of the mean there.
const fewEvents = 0.1

// gammaQuantile returns the quantile (lowerTail or upperTail) of the gamma distribution with a mean and
// a variance, both above 0.
func gammaQuantile(mean, variance, probability float64) float64 {
	shape := mean * mean / variance
	switch {
	case shape >= manyEvents:
		// Wilson and Hilferty, "The distribution of chi-square", PNAS 17 (1931) 684–688.
		z := math.Copysign(normalQuantile, probability-0.5)
		root := 1 - 1/(9*shape) + z/(3*math.Sqrt(shape))
		return mean * root * root * root
	case shape > fewEvents:
		lower, upper := quantiles()
		if probability == lowerTail {
			return mean * math.Exp(lower.at(math.Log(shape)))
		}
		return mean * math.Exp(upper.at(math.Log(shape)))
	case probability == lowerTail:
		return 0
	}
	return mathext.GammaIncRegInv(shape, probability) * variance / mean
}

// curve is the logarithm of a quantile by its mean, at equal steps of the logarithm of the shape: an
// answer has thousands of intervals, and the series for one takes as long as fifty looks into this.
type curve []float64

// stepsPerUnit keeps a look within 10⁻⁷ of the series.
const stepsPerUnit = 50

var quantiles = sync.OnceValues(func() (lower, upper curve) {
	begin := math.Log(fewEvents)
	// One step more at either end, for the neighbours of the outermost.
	for i := -1.0; (i-2)/stepsPerUnit < math.Log(manyEvents)-begin; i++ {
		shape := math.Exp(begin + i/stepsPerUnit)
		lower = append(lower, math.Log(mathext.GammaIncRegInv(shape, lowerTail)/shape))
		upper = append(upper, math.Log(mathext.GammaIncRegInv(shape, upperTail)/shape))
	}
	return lower, upper
})

// at puts a cubic through the four nearest points (Catmull and Rom's spline).
func (c curve) at(logShape float64) float64 {
	x := (logShape-math.Log(fewEvents))*stepsPerUnit + 1
	i := int(x)
	x -= float64(i)
	a, b, d, e := c[i-1], c[i], c[i+1], c[i+2]
	return b + x/2*(d-a+x*(2*a-5*b+4*d-e+x*(3*(b-d)+e-a)))
}
