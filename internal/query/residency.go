package query

import (
	"time"
)

// Dimension is what an answer is broken down by.
type Dimension string

// The dimensions of a residency question.
const (
	ByVendor      Dimension = "vendor"
	ByPlace       Dimension = "place" // subdivision if known, else country, else "unknown"
	ByCountry     Dimension = "country"
	ByASN         Dimension = "asn"
	ByCloudRegion Dimension = "cloud_region"
	ByConfidence  Dimension = "confidence"
)

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
	// By breaks the answer down; empty: one row a bucket.
	By []Dimension
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
}

// ResidencyRow is one figure of an answer: a bucket and a combination of the dimensions asked for.
// Dimensions not asked for are empty.
type ResidencyRow struct {
	Bucket         time.Time `json:"bucket,omitzero"` // begin of the bucket, UTC; zero for BucketTotal
	Vendor         string    `json:"vendor,omitempty"`
	Place          string    `json:"place,omitempty"`
	Country        string    `json:"country,omitempty"`
	ASN            uint32    `json:"asn,omitempty"`
	ASOrganization string    `json:"as_organization,omitempty"` // "other" where Top left it out
	CloudProvider  string    `json:"cloud_provider,omitempty"`
	CloudRegion    string    `json:"cloud_region,omitempty"`
	Confidence     string    `json:"confidence,omitempty"`
	Flows          uint64    `json:"flows"`
	BytesUp        uint64    `json:"bytes_up"` // handset to remote, scaled by the sampling interval
	BytesDown      uint64    `json:"bytes_down"`
	PacketsUp      uint64    `json:"packets_up"`
	PacketsDown    uint64    `json:"packets_down"`
	ShareUp        float64   `json:"share_up"` // of the bucket's bytes up under the same filters, 0 to 1
}

// ResidencyAnswer is what a question got. Rows are ordered by bucket, then by bytes up, most first;
// "other" comes last in its bucket.
type ResidencyAnswer struct {
	Question Residency      `json:"-"`
	Rows     []ResidencyRow `json:"rows"`
	Rollup   string         `json:"rollup"` // the table that answered
	SQL      string         `json:"sql"`    // as sent, with its parameters' names
	Since    time.Time      `json:"since,omitzero"`
	Until    time.Time      `json:"until,omitzero"`
}
