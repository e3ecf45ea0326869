package show

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// JSON prints an answer as one indented object, with exact figures.
func JSON(out io.Writer, answer any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	if err := e.Encode(answer); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// sheet writes CSV with a header line; the first fault is kept to the end.
type sheet struct {
	csv *csv.Writer
	err error
}

func newSheet(out io.Writer, header []string) *sheet {
	s := &sheet{csv: csv.NewWriter(out)}
	s.line(header)
	return s
}

func (s *sheet) line(cells []string) {
	for i, c := range cells {
		cells[i] = inert(c)
	}
	if err := s.csv.Write(cells); s.err == nil {
		s.err = err
	}
}

func (s *sheet) end() error {
	s.csv.Flush()
	if s.err == nil {
		s.err = s.csv.Error()
	}
	if s.err != nil {
		return fmt.Errorf("write CSV: %w", s.err)
	}
	return nil
}

// inert keeps a spreadsheet from reading a name that comes from outside as a formula.
func inert(s string) string {
	if s == "" {
		return s
	}
	switch s[0] {
	case '=', '+', '@', '\t', '\r':
		return "'" + s
	case '-':
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			return "'" + s
		}
	}
	return s
}

func digits(n uint64) string { return strconv.FormatUint(n, 10) }

// whole is an end of an interval in whole bytes or packets, rounded outwards.
func whole(f float64, up bool) string {
	if up {
		f = math.Ceil(f)
	} else {
		f = math.Floor(f)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

func fraction(f float64) string { return strconv.FormatFloat(f, 'f', 6, 64) }

var figureNames = []string{
	"flows", "bytes_up", "bytes_up_low", "bytes_up_high", "bytes_down", "bytes_down_low", "bytes_down_high",
	"packets_up", "packets_up_low", "packets_up_high", "packets_down", "packets_down_low", "packets_down_high",
}

func figureCells(f *query.Figures) []string {
	out := []string{digits(f.Flows)}
	for _, v := range []struct {
		value    uint64
		interval estimate.Interval
	}{{f.BytesUp, f.BytesUpInterval}, {f.BytesDown, f.BytesDownInterval}, {f.PacketsUp, f.PacketsUpInterval}, {f.PacketsDown, f.PacketsDownInterval}} {
		out = append(out, digits(v.value), whole(v.interval.Low, false), whole(v.interval.High, true))
	}
	return out
}
