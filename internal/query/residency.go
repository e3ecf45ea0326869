package query

import "time"

// Bucket is the length of one step of time in an answer.
type Bucket string

// The buckets of a residency question. A week is an ISO week: it begins on Monday 00:00 UTC.
const (
	BucketMinute Bucket = "minute"
	BucketHour   Bucket = "hour"
	BucketDay    Bucket = "day"
	BucketWeek   Bucket = "week"
	BucketTotal  Bucket = "total"
)

// Keys that stand in an answer for what has no name of its own.
const (
	// Unknown is the place, country or cloud region of a remote end that could not be located.
	Unknown = "unknown"
	// Other is the key of all that a question's Top leaves out; it adds up.
	Other = "other"
)

// Residency is a question. Its zero value asks for the total of everything.
type Residency struct {
	// Filters; empty: all. A place is an ISO 3166-2 code, an ISO 3166-1 code or "unknown"; a
	// country does not stand for its subdivisions among Places, but does among Countries.
	Vendors, Places, Countries []string
	ASNs                       []uint32
	Operators, Sites           []string // within the client's scope
	// Jurisdictions are names of the policy, or "unknown".
	Jurisdictions, Verdicts, Confidences []string
	// Where narrows by any dimension; all of them must be met.
	Where []Condition
	// By breaks the answer down; empty: one row a bucket.
	By []Dimension
	// ShareOf is a part of By: shares are then of the bytes of the bucket with the same values of these
	// dimensions, and not of the whole bucket. Top then has an "other" for each of them that it keeps
	// something of, and one for the rest.
	ShareOf []Dimension
	// Hours keeps the flows that start in these hours of the day; nil: all.
	Hours *Hours
	// Bucket is the step of time; empty: BucketTotal.
	Bucket Bucket
	// Since (included) and Until (excluded) bound the starts of the flows; zero: open. They are
	// widened to whole minutes.
	Since, Until time.Time
	// Top keeps the combinations of By with the most bytes up over the whole time, and adds up the
	// rest under the key "other"; 0: all.
	Top int
	// Sides are the handset sides counted (source, destination, both, none); empty: all but none,
	// that is, all flows with a handset at one end.
	Sides []string
	// Revision asks for the figures as they were when that revision was the newest in force; 0 is
	// what came in, without corrections. nil: as they are now.
	Revision *uint16
	// MinHandsets withholds the figures of fewer distinct handsets than that, and of what would give
	// them away; 0: none. Only where days answer: the bucket is day, week or total and the times are
	// whole days. Several answers laid side by side may still give more away than one.
	MinHandsets int
	// FiguresOnly leaves out what comes from other tables: completeness, data sets, the bound of
	// zero, and rows of what was not observed. For who asks every two seconds.
	FiguresOnly bool
}

// ResidencyRow is one figure of an answer: a bucket and a combination of the dimensions asked for.
type ResidencyRow struct {
	Bucket time.Time `json:"bucket,omitzero"` // begin of the bucket, UTC; zero for BucketTotal
	Key
	Cell
}

// ResidencyAnswer is what a question got. Rows are ordered by bucket, then by bytes up, most first;
// "other" comes last in its bucket, suppressed rows before it, and those before them of which nothing
// was observed.
type ResidencyAnswer struct {
	Question Residency      `json:"-"`
	Rows     []ResidencyRow `json:"rows"`
	Basis
	// Buckets are those of the rows and those in which exporters sent anything, in order. An answer
	// by the minute has the completeness of the minute's hour.
	Buckets []BucketInfo `json:"buckets"`
	// UpperBoundOfZero is what any key without a row may have sent in a bucket unseen; absent:
	// nothing is known of the sampling in that time.
	UpperBoundOfZero *UpperBound `json:"upper_bound_of_zero,omitempty"`
	// DataSets are those with the most flows, 20 at most; DataSetsMore is how many more there are.
	DataSets     []DataSets `json:"data_sets,omitempty"`
	DataSetsMore int        `json:"data_sets_more,omitempty"`
}
