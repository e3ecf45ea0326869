package query

import (
	"time"

	"github.com/landfall-telemetry/landfall/internal/estimate"
)

// Compare asks the same question of two times.
type Compare struct {
	// Question gives filters, dimensions, Top (by both times together), Sides, Revision, MinHandsets
	// and FiguresOnly. Its bucket is the total, and its times are not used.
	Question Residency
	// Order is that of the rows, and of what Top keeps.
	Order CompareOrder
	// Since is included, Until is not. All four must be given, and are widened to whole minutes.
	BeforeSince, BeforeUntil time.Time
	AfterSince, AfterUntil   time.Time
}

// CompareOrder is what comes first in a comparison.
type CompareOrder string

// The orders of a comparison.
const (
	OrderBytes CompareOrder = ""      // most bytes up of both times together
	OrderShift CompareOrder = "shift" // greatest difference of the share of the bytes up, either way
)

// CompareAnswer has its rows in the question's order, and "other" last.
type CompareAnswer struct {
	Question Compare      `json:"-"`
	Rows     []CompareRow `json:"rows"`
	Warnings []string     `json:"warnings,omitempty"`
	// Before and After are the answers that the rows come from, without rows.
	Before ResidencyAnswer `json:"before"`
	After  ResidencyAnswer `json:"after"`
}

// CompareRow is one key in both times.
type CompareRow struct {
	Key
	Before CompareSide `json:"before"`
	After  CompareSide `json:"after"`
	// DifferenceUp is after less before, in bytes. Like what follows, it is zero here and absent from
	// JSON where a side is suppressed.
	DifferenceUp         int64             `json:"difference_up"`
	DifferenceUpInterval estimate.Interval `json:"difference_up_interval"`
	// RatioUp is after by before; absent where before is 0 or a side suppressed.
	RatioUp *float64 `json:"ratio_up,omitempty"`
	// Outside: each side's bytes up lie outside of the other's interval, so that sampling does not
	// explain the difference.
	Outside bool `json:"outside"`
	// OutsideShare: likewise for the shares.
	OutsideShare bool `json:"outside_share"`
	// DifferenceShareUp is after's share less before's, −1 to 1.
	DifferenceShareUp         float64           `json:"difference_share_up"`
	DifferenceShareUpInterval estimate.Interval `json:"difference_share_up_interval"`
}

// CompareSide is the figures of a key in one of the times.
type CompareSide struct{ Cell }
