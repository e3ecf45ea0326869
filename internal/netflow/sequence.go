package netflow

// Sequence follows the sequence numbers of one observation domain. The zero value has seen nothing.
type Sequence struct {
	last, lastAmount uint32
	known            bool
	// inclusive is above 0 for an exporter whose number has the amount of its own datagram in it
	// already (softflowd's IPFIX), below for one that numbers as RFC 7011 says.
	inclusive int8
	// A run of datagrams behind the expected number that continue one another is an exporter that
	// began anew, not the network's reordering.
	lateNext uint32
	lateRun  int
}

const (
	// maxGap is the largest jump ahead that is taken as loss rather than as a new beginning.
	maxGap = 1 << 24
	// maxLate is how far behind a datagram can be and still be a late one.
	maxLate = 1 << 14
	// maxLateRun is how many consecutive late datagrams are a new beginning.
	maxLateRun = 4
	// sure is how much evidence for one way of numbering rules out the other.
	sure = 4
)

// Observe takes the number of a datagram and the amount that it adds; uncounted says that the
// amount is not known (a template was missing), so that the next datagram sets the number anew.
// restarted says that the exporter is known to have begun anew. It returns the amount that is
// missing before this datagram.
func (s *Sequence) Observe(number, amount uint32, uncounted, restarted bool) (lost uint32, late, anew bool) {
	step := number - s.last
	// Where the two amounts differ, the step tells how the exporter numbers.
	if s.known && !restarted && !uncounted && amount != s.lastAmount {
		switch {
		case step == amount && s.inclusive > -sure:
			s.inclusive = min(s.inclusive+1, sure)
		case step == s.lastAmount && s.inclusive < sure:
			s.inclusive = max(s.inclusive-1, -sure)
		}
	}
	gap := int32(step - s.lastAmount)
	if other := int32(step - amount); other == 0 && s.inclusive > -sure || s.inclusive > 0 && gap != 0 {
		gap = other
		if uncounted {
			gap = 0 // its own amount, which the number has in it, is not known
		}
	}
	switch {
	case !s.known:
	case restarted:
		anew = true
	case gap == 0:
	case gap > 0 && gap <= maxGap:
		lost = uint32(gap)
	case gap < 0 && gap >= -maxLate && number != 0:
		if s.lateRun > 0 && number == s.lateNext {
			s.lateRun++
		} else {
			s.lateRun = 1
		}
		s.lateNext = number + amount
		if s.lateRun < maxLateRun {
			return 0, true, false
		}
		anew = true
	default:
		anew = true
	}
	s.lateRun = 0
	s.last, s.lastAmount, s.known = number, amount, !uncounted
	return lost, false, anew
}
