package query

import (
	"encoding/json"
	"time"

	"github.com/landfall-telemetry/landfall/internal/estimate"
)

// Basis is what every answer says of how it was reached.
type Basis struct {
	Rollup string    `json:"rollup"` // the table that answered
	SQL    string    `json:"sql"`    // as sent, with its parameters' names
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	// Warnings say in plain words what limits the answer; none is a fault of the question.
	Warnings []string `json:"warnings,omitempty"`
	// Statements are all that was sent to answer, the main one first.
	Statements []Statement `json:"-"`
}

// Statement is one SQL statement that an answer rests on.
type Statement struct {
	For string // what it was asked for: figures, completeness, …
	SQL string
}

// Figures are what was counted under one key, with 95 % intervals where it was sampled. Bytes and
// packets are scaled by the sampling interval of each flow's own sampler; flows are not.
type Figures struct {
	Flows               uint64            `json:"flows"`
	BytesUp             uint64            `json:"bytes_up"` // handset to remote
	BytesDown           uint64            `json:"bytes_down"`
	PacketsUp           uint64            `json:"packets_up"`
	PacketsDown         uint64            `json:"packets_down"`
	BytesUpInterval     estimate.Interval `json:"bytes_up_interval"`
	BytesDownInterval   estimate.Interval `json:"bytes_down_interval"`
	PacketsUpInterval   estimate.Interval `json:"packets_up_interval"`
	PacketsDownInterval estimate.Interval `json:"packets_down_interval"`
}

// Cell is the figures of one bucket and key, and what may be said of them.
type Cell struct {
	Figures
	// ShareUp is of the bucket's bytes up under the same filters, or of those with the same values of
	// ShareOf; 0 to 1.
	ShareUp         float64           `json:"share_up"`
	ShareUpInterval estimate.Interval `json:"share_up_interval"`
	// ShareDown is likewise of the bytes down.
	ShareDown         float64           `json:"share_down"`
	ShareDownInterval estimate.Interval `json:"share_down_interval"`
	// Handsets is how many distinct handsets the figures are of: in the week with the most of them,
	// for pseudonyms change every week. Only with MinHandsets.
	Handsets uint64 `json:"handsets,omitempty"`
	// Unobserved: the question asked for this key and no flow was seen. The intervals say what may
	// have been sent unseen.
	Unobserved bool `json:"unobserved,omitempty"`
	// Suppressed: the figures are withheld, because they are of fewer than MinHandsets handsets or
	// would give such figures away. They are zero here and absent from JSON and CSV.
	Suppressed bool `json:"suppressed,omitempty"`
}

// absent takes the place of the figures of a suppressed cell in JSON: fields of the same names that
// stand nearer to the surface, and are empty.
type absent struct {
	Flows               *struct{} `json:"flows,omitempty"`
	BytesUp             *struct{} `json:"bytes_up,omitempty"`
	BytesDown           *struct{} `json:"bytes_down,omitempty"`
	PacketsUp           *struct{} `json:"packets_up,omitempty"`
	PacketsDown         *struct{} `json:"packets_down,omitempty"`
	BytesUpInterval     *struct{} `json:"bytes_up_interval,omitempty"`
	BytesDownInterval   *struct{} `json:"bytes_down_interval,omitempty"`
	PacketsUpInterval   *struct{} `json:"packets_up_interval,omitempty"`
	PacketsDownInterval *struct{} `json:"packets_down_interval,omitempty"`
	ShareUp             *struct{} `json:"share_up,omitempty"`
	ShareUpInterval     *struct{} `json:"share_up_interval,omitempty"`
	ShareDown           *struct{} `json:"share_down,omitempty"`
	ShareDownInterval   *struct{} `json:"share_down_interval,omitempty"`
}

type plainRow ResidencyRow

// MarshalJSON leaves out the figures of a suppressed row. A struct that embeds the row takes this
// method on, and loses its own fields: hold the row in a field of its own.
func (r ResidencyRow) MarshalJSON() ([]byte, error) {
	if !r.Suppressed {
		return json.Marshal(plainRow(r))
	}
	return json.Marshal(struct {
		plainRow
		absent
	}{plainRow: plainRow(r)})
}

type plainSide CompareSide

// MarshalJSON leaves out the figures of a suppressed side.
func (s CompareSide) MarshalJSON() ([]byte, error) {
	if !s.Suppressed {
		return json.Marshal(plainSide(s))
	}
	return json.Marshal(struct {
		plainSide
		absent
	}{plainSide: plainSide(s)})
}

type plainCompareRow CompareRow

// MarshalJSON leaves out what compares with a suppressed side.
func (r CompareRow) MarshalJSON() ([]byte, error) {
	if !r.Before.Suppressed && !r.After.Suppressed {
		return json.Marshal(plainCompareRow(r))
	}
	return json.Marshal(struct {
		plainCompareRow
		DifferenceUp              *struct{} `json:"difference_up,omitempty"`
		DifferenceUpInterval      *struct{} `json:"difference_up_interval,omitempty"`
		RatioUp                   *struct{} `json:"ratio_up,omitempty"`
		Outside                   *struct{} `json:"outside,omitempty"`
		OutsideShare              *struct{} `json:"outside_share,omitempty"`
		DifferenceShareUp         *struct{} `json:"difference_share_up,omitempty"`
		DifferenceShareUpInterval *struct{} `json:"difference_share_up_interval,omitempty"`
	}{plainCompareRow: plainCompareRow(r)})
}

// BucketInfo says what there is to know of the figures of one bucket.
type BucketInfo struct {
	Bucket time.Time `json:"bucket,omitzero"` // as in the rows
	// Revision is the highest that is in force within the bucket; 0: as the flows came in.
	Revision uint16 `json:"revision"`
	// Mixed: days of the bucket are of other revisions than that.
	Mixed bool `json:"mixed,omitempty"`
	// LastChange is when the newest of the bucket's figures was inserted, under the question's
	// filters; zero: there are none.
	LastChange time.Time `json:"last_change,omitzero"`
	// Late: the figures changed more than an hour after the bucket's end.
	Late         bool                `json:"late,omitempty"`
	Completeness CompletenessSummary `json:"completeness"`
	// TotalWithheld: the bucket's total would give a suppressed cell away.
	TotalWithheld bool `json:"total_withheld,omitempty"`
}

// UpperBound is what may have been sent at most, with 97.5 % confidence, where nothing was observed.
type UpperBound struct {
	Bytes   float64 `json:"bytes"`
	Packets float64 `json:"packets"`
}

// DataSets are the versions of the data sets that judged flows of an answer.
type DataSets struct {
	Versions string `json:"versions"` // as in the flows table: name and version, comma between
	Flows    uint64 `json:"flows"`    // of the whole time and scope, whatever the vendor or place
	// Sets are those of them of which more is recorded.
	Sets []DataSet `json:"sets,omitempty"`
}

// DataSet is what is recorded of one version of a data set.
type DataSet struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256,omitempty"` // of its files, comma between
	License string `json:"license,omitempty"`
	Source  string `json:"source,omitempty"`
	Credit  string `json:"credit,omitempty"` // to be shown wherever results are
}

// late notes whether the figures changed more than an hour after their time ended; zero: it is open.
func (b *BucketInfo) late(end time.Time) {
	b.Late = !end.IsZero() && b.LastChange.After(end.Add(time.Hour))
}
