package query

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/landfall-telemetry/landfall/internal/estimate"
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
		for _, c := range columns([]Dimension{d}) {
			header = append(header, c.name)
		}
		if placeName != nil && (d == ByPlace || d == ByCountry) {
			header = append(header, string(d)+"_name")
		}
	}
	header = append(header, "flows", "bytes_up", "bytes_down", "packets_up", "packets_down", "share_up",
		"bytes_up_low", "bytes_up_high", "bytes_down_low", "bytes_down_high", "packets_up_low", "packets_up_high",
		"packets_down_low", "packets_down_high", "share_up_low", "share_up_high",
		"share_down", "share_down_low", "share_down_high", "observed", "suppressed",
		"completeness", "silent_exporters", "revision", "last_change")
	if err := out.Write(header); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	about := make(map[time.Time]*BucketInfo, len(a.Buckets))
	for i := range a.Buckets {
		about[a.Buckets[i].Bucket] = &a.Buckets[i]
	}
	line := make([]string, 0, len(header))
	for i := range a.Rows {
		r := &a.Rows[i]
		line = line[:0]
		if a.Question.Bucket != BucketTotal {
			line = append(line, r.Bucket.Format(time.RFC3339))
		}
		for _, d := range a.Question.By {
			for _, c := range columns([]Dimension{d}) {
				if c.text == nil {
					line = append(line, strconv.FormatUint(uint64(r.ASN), 10))
				} else {
					line = append(line, inert(*c.text(&r.Key)))
				}
			}
			if placeName != nil && (d == ByPlace || d == ByCountry) {
				line = append(line, inert(placeName(*columns([]Dimension{d})[0].text(&r.Key))))
			}
		}
		line = appendCell(line, &r.Cell)
		if b := about[r.Bucket]; b != nil {
			line = append(line, optionalShare(b.Completeness.Share), strconv.Itoa(b.Completeness.ExportersSilent),
				strconv.Itoa(int(b.Revision)), optionalTime(b.LastChange))
		} else {
			line = append(line, "", "", "", "")
		}
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

// appendCell writes the figures of a cell, the intervals in whole bytes and packets; those of a
// suppressed cell are empty.
func appendCell(line []string, c *Cell) []string {
	if c.Suppressed {
		return append(append(line, make([]string, 19)...), "", "true")
	}
	for _, v := range []uint64{c.Flows, c.BytesUp, c.BytesDown, c.PacketsUp, c.PacketsDown} {
		line = append(line, strconv.FormatUint(v, 10))
	}
	line = append(line, formatShare(c.ShareUp))
	for _, i := range []estimate.Interval{c.BytesUpInterval, c.BytesDownInterval, c.PacketsUpInterval, c.PacketsDownInterval} {
		line = append(line, strconv.FormatFloat(math.Floor(i.Low), 'f', 0, 64), strconv.FormatFloat(math.Ceil(i.High), 'f', 0, 64))
	}
	return append(line, formatShare(c.ShareUpInterval.Low), formatShare(c.ShareUpInterval.High),
		formatShare(c.ShareDown), formatShare(c.ShareDownInterval.Low), formatShare(c.ShareDownInterval.High),
		strconv.FormatBool(!c.Unobserved), "false")
}

func formatShare(share float64) string { return strconv.FormatFloat(share, 'f', 6, 64) }

func optionalShare(share *float64) string {
	if share == nil {
		return ""
	}
	return formatShare(*share)
}

func optionalTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
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

// WriteJSON prints any answer as one indented JSON object, with exact figures.
func WriteJSON(w io.Writer, answer any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(answer); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
