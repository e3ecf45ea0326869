package cloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// walker steps through JSON and knows at which byte it is.
type walker struct {
	data   []byte
	dec    *json.Decoder
	before int64 // bytes of data that the decoder does not see
}

// walk begins after a byte order mark, which Windows tools write.
func walk(data []byte) *walker {
	rest := bytes.TrimPrefix(data, mark)
	return &walker{data: data, dec: json.NewDecoder(bytes.NewReader(rest)), before: int64(len(data) - len(rest))}
}

// here is where the next token begins.
func (w *walker) here() place {
	n := w.before + w.dec.InputOffset()
	for n < int64(len(w.data)) && bytes.IndexByte([]byte(" \t\r\n,:"), w.data[n]) >= 0 {
		n++
	}
	return place{"byte", n}
}

// object calls member for each key of the object that comes next; member must
// read the value.
func (w *walker) object(member func(key string, at place) error) error {
	if err := w.delim('{'); err != nil {
		return err
	}
	for w.dec.More() {
		at := w.here()
		t, err := w.dec.Token()
		if err != nil {
			return w.fault(err, at)
		}
		key, ok := t.(string)
		if !ok { // the decoder gives strings only, unless it stands elsewhere than in an object
			return at.fault("%v where a key was expected", t)
		}
		if err := member(key, at); err != nil {
			return err
		}
	}
	return w.delim('}')
}

// array calls item for each item of the array that comes next; item must read
// it.
func (w *walker) array(item func(at place) error) error {
	if err := w.delim('['); err != nil {
		return err
	}
	for w.dec.More() {
		if err := item(w.here()); err != nil {
			return err
		}
	}
	return w.delim(']')
}

// first calls item for the first item of the array that comes next, and skips
// the others.
func (w *walker) first(item func(at place) error) error {
	return w.array(func(at place) error {
		if item == nil {
			return w.skip()
		}
		read := item
		item = nil
		return read(at)
	})
}

// value decodes what comes next.
func (w *walker) value(into any) error {
	at := w.here()
	if err := w.dec.Decode(into); err != nil {
		return w.fault(err, at)
	}
	return nil
}

func (w *walker) skip() error { return w.value(new(json.RawMessage)) }

// end makes sure that nothing follows.
func (w *walker) end() error {
	at := w.here()
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return at.fault("something follows the end of the list")
	}
	return nil
}

func (w *walker) delim(want json.Delim) error {
	at := w.here()
	t, err := w.dec.Token()
	if err != nil {
		return w.fault(err, at)
	}
	if t != want {
		return at.fault("%v where %q was expected", t, string(rune(want)))
	}
	return nil
}

// fault says what the decoder refused, and where.
func (w *walker) fault(err error, at place) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return place{"byte", int64(len(w.data))}.fault("the list is cut short")
	}
	return at.fault("%w", err)
}
