package query

import (
	"errors"
	"io"
)

// WriteTable prints an answer for people: bytes in units, shares in percent. placeName gives the
// display name of a place code; nil: the code itself.
func WriteTable(w io.Writer, a ResidencyAnswer, placeName func(code string) string) error {
	return errors.ErrUnsupported
}

// WriteCSV prints an answer with a header line, exact figures, and times as in RFC 3339.
func WriteCSV(w io.Writer, a ResidencyAnswer, placeName func(code string) string) error {
	return errors.ErrUnsupported
}

// WriteJSON prints an answer as one JSON object, with exact figures.
func WriteJSON(w io.Writer, a ResidencyAnswer) error {
	return errors.ErrUnsupported
}
