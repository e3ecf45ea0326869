package query

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// WriteCSV prints an answer with a header line, exact figures, and times as in RFC 3339. placeName
// gives the display name of a place or country code, in a column beside the code; nil: no such
// column.
func WriteCSV(w io.Writer, a ResidencyAnswer, placeName func(code string) string) error {
	out := csv.NewWriter(w)
	var header []string
	if a.Question.Bucket != BucketTotal {
		header = append(header, "bucket")
	}
	for _, d := range a.Question.By {
		for _, c := range columns[d] {
			header = append(header, c.name)
		}
		if placeName != nil && (d == ByPlace || d == ByCountry) {
			header = append(header, string(d)+"_name")
		}
	}
	header = append(header, "flows", "bytes_up", "bytes_down", "packets_up", "packets_down", "share_up")
	if err := out.Write(header); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	line := make([]string, 0, len(header))
	for i := range a.Rows {
		r := &a.Rows[i]
		line = line[:0]
		if a.Question.Bucket != BucketTotal {
			line = append(line, r.Bucket.Format(time.RFC3339))
		}
		for _, d := range a.Question.By {
			switch d {
			case ByVendor:
				line = append(line, inert(r.Vendor))
			case ByPlace:
				line = appendNamed(line, r.Place, placeName)
			case ByCountry:
				line = appendNamed(line, r.Country, placeName)
			case ByASN:
				line = append(line, strconv.FormatUint(uint64(r.ASN), 10), inert(r.ASOrganization))
			case ByCloudRegion:
				line = append(line, inert(r.CloudProvider), inert(r.CloudRegion))
			case ByConfidence:
				line = append(line, inert(r.Confidence))
			}
		}
		for _, v := range []uint64{r.Flows, r.BytesUp, r.BytesDown, r.PacketsUp, r.PacketsDown} {
			line = append(line, strconv.FormatUint(v, 10))
		}
		line = append(line, strconv.FormatFloat(r.ShareUp, 'f', 6, 64))
		if err := out.Write(line); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func appendNamed(line []string, code string, placeName func(string) string) []string {
	line = append(line, inert(code))
	if placeName != nil {
		line = append(line, inert(placeName(code)))
	}
	return line
}

// inert keeps a spreadsheet from reading a name that comes from outside as a formula.
func inert(s string) string {
	if s != "" {
		switch s[0] {
		case '=', '+', '-', '@', '\t', '\r':
			return "'" + s
		}
	}
	return s
}

// WriteJSON prints an answer as one indented JSON object, with exact figures.
func WriteJSON(w io.Writer, a ResidencyAnswer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(a); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
