package estimate

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mathext"
)

// The quantiles are those of the series, for every shape.
func TestGammaQuantile(t *testing.T) {
	for _, probability := range []float64{lowerTail, upperTail} {
		for shape := fewEvents / 10; shape < 10*manyEvents; shape *= 1.0037 {
			want := mathext.GammaIncRegInv(shape, probability)
			got := gammaQuantile(shape, shape, probability) // a scale of 1
			allowed := 1e-5*want + 1e-13*shape              // the series itself is within 10⁻⁶
			if shape >= manyEvents {
				allowed = 2e-5 * math.Sqrt(shape)
			}
			if !(math.Abs(got-want) <= allowed) {
				t.Errorf("shape %g: the quantile of %g is %g, want %g", shape, probability, got, want)
			}
		}
	}
}
