// Package spool keeps messages on disk, first in, first out, while they cannot be sent. A message
// whose Append has returned is still there after the process or the machine died. It does not know
// what the messages are.
//
// Why not a ready-made write-ahead log: tidwall/wal (v1.2) refuses a log whose last write was
// cut off, has no checksums, and is left out of step by a write that failed (a full disk), which is
// when a spool is needed.
//
// A spool is a folder of segments named by a running number. A segment is a row of records: length
// and CRC-32C of what follows (4 bytes each, big endian), then the message. A segment that is read
// to its end is deleted; after a restart the oldest one is read from its beginning again, so that a
// message can be seen twice.
package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
)

const (
	suffix     = ".spool"
	headerSize = 8
	// MaxMessage bounds a record's length field: anything above is damage.
	MaxMessage = 64 << 20
)

// ErrFull says that a message does not fit in the spool's bounds.
var ErrFull = errors.New("the spool is full")

// Spool is a queue of messages on disk. It is for one goroutine at a time.
type Spool struct {
	dir         string
	maxBytes    int64
	segmentSize int64
	log         *slog.Logger
	lock        *os.File

	segments []*segment // oldest first; the last is written to if out is open
	out      *os.File
	in       *os.File // the first segment
	offset   int64    // where the next message in it begins
	next     uint64
	table    *crc32.Table

	damaged int // messages or rests of segments that could not be read
}

type segment struct {
	path     string
	size     int64
	messages int
}

// Open opens the spool in dir, which is made if need be, and takes it for this process alone. What
// was cut off by a crash at the end of a segment is removed.
func Open(dir string, maxBytes int64, log *slog.Logger) (*Spool, error) {
	s := &Spool{dir: dir, maxBytes: maxBytes, segmentSize: 4 << 20, log: log, next: 1, table: crc32.MakeTable(crc32.Castagnoli)}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make spool folder: %w", err)
	}
	var err error
	if s.lock, err = lockFolder(dir); err != nil {
		return nil, fmt.Errorf("spool folder %s: %w", dir, err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	slices.Sort(paths)
	for _, path := range paths {
		var number uint64
		if _, err := fmt.Sscanf(filepath.Base(path), "%020d"+suffix, &number); err != nil {
			continue
		}
		g, err := s.scan(path)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read spool segment %s: %w", path, err), s.Close())
		}
		s.next = number + 1
		if g.messages == 0 {
			_ = os.Remove(path)
			continue
		}
		s.segments = append(s.segments, g)
	}
	return s, nil
}

// scan counts a segment's messages and cuts off what is not whole at its end.
func (s *Spool) scan(path string) (*segment, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	g := &segment{path: path}
	var header [headerSize]byte
	for g.size+headerSize <= info.Size() {
		if _, err := file.ReadAt(header[:], g.size); err != nil {
			return nil, err
		}
		length := int64(binary.BigEndian.Uint32(header[:]))
		if length == 0 || length > MaxMessage || g.size+headerSize+length > info.Size() {
			break
		}
		g.size += headerSize + length
		g.messages++
	}
	if g.size < info.Size() {
		// Its Append has not returned: the process died in it.
		s.log.Warn("spool segment was cut off in a write, the rest is removed", "segment", path, "bytes", info.Size()-g.size)
		if err := file.Truncate(g.size); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// Len returns the number of messages.
func (s *Spool) Len() int {
	n := 0
	for _, g := range s.segments {
		n += g.messages
	}
	return n
}

// Bytes returns the size on disk.
func (s *Spool) Bytes() int64 {
	var n int64
	for _, g := range s.segments {
		n += g.size
	}
	return n
}

// Damaged returns how many messages, or rests of segments, had to be given up, and begins anew.
func (s *Spool) Damaged() int {
	n := s.damaged
	s.damaged = 0
	return n
}

// Fits reports whether messages of these total bytes fit.
func (s *Spool) Fits(messages, bytes int) bool {
	return s.Bytes()+int64(messages)*headerSize+int64(bytes) <= s.maxBytes
}

// Append writes a message to the end and to the disk. ErrFull if there is no room; after any error
// the message is not in the spool, and the spool goes on.
func (s *Spool) Append(message []byte) error {
	if len(message) > MaxMessage || !s.Fits(1, len(message)) {
		return ErrFull
	}
	if len(message) == 0 { // a length of 0 is what a power cut leaves
		return errors.New("an empty message")
	}
	if s.out == nil || s.segments[len(s.segments)-1].size >= s.segmentSize {
		if err := s.begin(); err != nil {
			return err
		}
	}
	g := s.segments[len(s.segments)-1]
	record := make([]byte, headerSize, headerSize+len(message))
	binary.BigEndian.PutUint32(record, uint32(len(message)))
	binary.BigEndian.PutUint32(record[4:], crc32.Checksum(message, s.table))
	_, err := s.out.WriteAt(append(record, message...), g.size)
	if err == nil {
		err = s.out.Sync()
	}
	if err != nil {
		// What was written of it must not stand before the next one.
		if cut := s.out.Truncate(g.size); cut != nil {
			_ = s.out.Close()
			s.out = nil
		}
		return fmt.Errorf("write spool segment %s: %w", g.path, err)
	}
	g.size += int64(headerSize + len(message))
	g.messages++
	return nil
}

// begin opens a new segment.
func (s *Spool) begin() error {
	if s.out != nil {
		_ = s.out.Close() // it is synced
		s.out = nil
	}
	path := filepath.Join(s.dir, fmt.Sprintf("%020d"+suffix, s.next))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("make spool segment: %w", err)
	}
	if err := syncFolder(s.dir); err != nil {
		_ = file.Close()
		_ = os.Remove(path)
		return fmt.Errorf("make spool segment: %w", err)
	}
	s.next++
	s.out = file
	s.segments = append(s.segments, &segment{path: path})
	return nil
}

// Peek returns the first message, or false if there is none. What is damaged is passed over.
func (s *Spool) Peek() ([]byte, bool) {
	for len(s.segments) > 0 {
		g := s.segments[0]
		if g.messages == 0 { // its first write failed
			if len(s.segments) == 1 {
				return nil, false
			}
			s.drop()
			continue
		}
		message, err := s.read()
		if err == nil {
			return message, true
		}
		s.log.Error("spool segment is damaged, its rest is lost", "segment", g.path, "offset", s.offset, "messages", g.messages, "error", err)
		s.damaged += g.messages
		g.messages = 0
		s.drop()
	}
	return nil, false
}

func (s *Spool) read() ([]byte, error) {
	g := s.segments[0]
	if s.in == nil {
		file, err := os.Open(g.path)
		if err != nil {
			return nil, err
		}
		s.in, s.offset = file, 0
	}
	var header [headerSize]byte
	if _, err := s.in.ReadAt(header[:], s.offset); err != nil {
		return nil, err
	}
	length := int64(binary.BigEndian.Uint32(header[:]))
	if length > g.size-s.offset-headerSize {
		return nil, errors.New("length is wrong")
	}
	message := make([]byte, length)
	if _, err := s.in.ReadAt(message, s.offset+headerSize); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if crc32.Checksum(message, s.table) != binary.BigEndian.Uint32(header[4:]) {
		return nil, errors.New("checksum is wrong")
	}
	return message, nil
}

// Pop removes the message that Peek returned.
func (s *Spool) Pop(message []byte) {
	s.offset += int64(headerSize + len(message))
	g := s.segments[0]
	if g.messages--; g.messages == 0 {
		s.drop()
	}
}

// drop deletes the first segment.
func (s *Spool) drop() {
	if s.in != nil {
		_ = s.in.Close()
		s.in = nil
	}
	s.offset = 0
	if len(s.segments) == 1 && s.out != nil {
		_ = s.out.Close()
		s.out = nil
	}
	if err := os.Remove(s.segments[0].path); err != nil {
		s.log.Error("cannot delete a spool segment that has been sent; it will be sent again after a restart", "error", err)
	}
	s.segments = s.segments[1:]
}

// Close frees the spool. Its messages stay on disk.
func (s *Spool) Close() error {
	var errs []error
	for _, file := range []*os.File{s.in, s.out, s.lock} {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	s.in, s.out, s.lock = nil, nil, nil
	return errors.Join(errs...)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
