package scenario

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// Randomised is the vendor of a handset whose MAC address says nothing: it is locally administered.
const Randomised = "randomised"

// brand is one maker of handsets.
type brand struct {
	name  string
	share int                 // of the subscribers, per mille
	mix   [placeCount]float64 // where its traffic goes; the mover's is computed
}

// mover is the brand whose traffic migrates.
const mover = 0

// brands are the makers. The shares add up to 1000, and so does each mix.
func brands() []brand {
	return []brand{
		{name: "Xiaomi", share: 240},
		{"Samsung", 220, [placeCount]float64{seoul: 380, virginia: 150, leinster: 120, singapore: 90, oregon: 80, hesse: 80, maharashtra: 60, england: 40}},
		{"Apple", 200, [placeCount]float64{california: 450, virginia: 140, oregon: 120, leinster: 90, hesse: 60, tokyo: 50, singapore: 50, hongKong: 40}},
		{"Huawei", 90, [placeCount]float64{guangdong: 480, beijing: 120, singapore: 120, hesse: 100, shanghai: 90, hongKong: 90}},
		{"OPPO", 70, [placeCount]float64{guangdong: 420, singapore: 230, maharashtra: 180, oregon: 110, shanghai: 60}},
		{"vivo", 60, [placeCount]float64{guangdong: 460, maharashtra: 210, singapore: 180, hesse: 80, beijing: 70}},
		{"OnePlus", 40, [placeCount]float64{guangdong: 300, maharashtra: 300, virginia: 150, singapore: 150, hesse: 100}},
		{"Motorola", 40, [placeCount]float64{virginia: 300, oregon: 200, california: 150, beijing: 150, leinster: 100, england: 100}},
		{"Google", 40, [placeCount]float64{california: 300, oregon: 250, virginia: 150, leinster: 120, singapore: 80, tokyo: 60, england: 40}},
	}
}

// Brands names the makers whose handsets the scenario has, as the truth names them.
func Brands() []string {
	var names []string
	for _, b := range brands() {
		names = append(names, b.name)
	}
	return names
}

// moverMix is the migration: Beijing falls from about 86 % to 9 % along a logistic curve whose middle
// is half-way through history; what it loses goes to Oregon and Singapore. done runs from 0 at the
// begin of history to 1 at its end.
func moverMix(done float64) [placeCount]float64 {
	const from, to, elsewhere, steepness = 860, 90, 60, 13
	moved := 1 / (1 + math.Exp(-steepness*(done-0.5)))
	stays := from - (from-to)*moved
	gone := 1000 - elsewhere - stays
	return [placeCount]float64{
		beijing: stays, oregon: 0.64 * gone, singapore: 0.36 * gone,
		maharashtra: 25, hongKong: 20, hesse: 15,
	}
}

// chooser picks a place for 32 random bits: the first whose bound is above them.
type chooser [placeCount]uint64

func newChooser(mix [placeCount]float64) (c chooser) {
	sum, all := 0.0, 0.0
	for _, w := range mix {
		all += w
	}
	last := 0
	for i, w := range mix {
		sum += w
		c[i] = uint64(sum / all * (1 << 32))
		if w > 0 {
			last = i
		}
	}
	for i := last; i < placeCount; i++ {
		c[i] = 1 << 32 // rounding leaves no gap at the end
	}
	return c
}

func (c *chooser) pick(bits uint32) int {
	i := 0
	for c[i] <= uint64(bits) {
		i++
	}
	return i
}

// stream gives the random numbers of one purpose, so that a change of how many numbers one part
// takes changes no other part.
func stream(seed uint64, purpose string) *rand.PCG {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.NewPCG(seed, h.Sum64())
}

// below gives a number in [0, n).
func below(rng *rand.PCG, n int) int { return int(rng.Uint64() >> 33 * uint64(n) >> 31) }
