package geo

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/landfall-telemetry/landfall/internal/geo/cloud"
)

// Depth of folders in which Find looks, and how much of a file it reads.
const (
	findDepth  = 3
	findPrefix = 64 << 10
)

// Find recognises the data files in a folder, down to three folders deep, by
// their content: what they are called does not count, and gzip is looked into.
//
// Of two city tables, the one with "dbip" in its database type or name is the
// city table, else the first by name; the other is the witness. Of a folder that
// `landfall data update` made, only the sets themselves are looked at, in the
// version that is in force. A file that is not recognised is an error that
// names it, unless it is hidden, a *.md, *.txt, *.so or *-num.csv file, or a
// manifest.
func Find(dir string) (Files, error) {
	f := finder{cities: map[string][]string{}, types: map[string]string{}}
	if err := f.walk(dir, findDepth); err != nil {
		return Files{}, err
	}
	if len(f.unknown) > 0 {
		return Files{}, fmt.Errorf("not recognised as data files: %s", strings.Join(f.unknown, ", "))
	}
	if err := f.chooseCity(); err != nil {
		return Files{}, err
	}
	if f.files.Overrides == "" && len(f.files.City)+len(f.files.ASN)+len(f.files.Cloud)+len(f.files.Anycast) == 0 {
		return Files{}, fmt.Errorf("the folder %s holds no data file", dir)
	}
	return f.files, nil
}

type finder struct {
	files   Files
	cities  map[string][]string // name of a table → its files
	types   map[string]string   // name of a table → its database type
	unknown []string
}

// sets are those of `landfall data update` that hold no places.
var otherSets = []string{"engine", "oui"}

func (f *finder) walk(dir string, depth int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("find data files: %w", err)
	}
	own := manifestIn(dir)
	if own != nil && slices.Contains(otherSets, own.Name) {
		return nil
	}
	made := slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		m := manifestIn(filepath.Join(dir, e.Name()))
		return m != nil && m.Name == e.Name()
	})
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path) // a link counts as what it leads to
		if err != nil {
			return fmt.Errorf("find data files: %w", err)
		}
		switch {
		case aside(e.Name()):
		case info.IsDir():
			kept := own != nil && e.Name() == "kept" // older versions
			if depth > 0 && !kept && (!made || manifestIn(path) != nil) {
				if err := f.walk(path, depth-1); err != nil {
					return err
				}
			}
		case made: // beside the sets: other things of the data folder
		default:
			if err := f.recognise(path, own); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *finder) recognise(path string, own *manifest) error {
	head, err := headOf(path)
	if err != nil {
		return fmt.Errorf("find data files: %s: %w", path, err)
	}
	line := firstLine(head)
	switch form, isCloud := cloud.Recognise(head); {
	case isCloud && form != "":
		f.files.Cloud = append(f.files.Cloud, path)
	case isOverrides(line):
		if f.files.Overrides != "" {
			return fmt.Errorf("there are two files of overrides: %s and %s", f.files.Overrides, path)
		}
		f.files.Overrides = path
	case isASN(line):
		f.files.ASN = append(f.files.ASN, path)
	case isAnycast(line):
		f.files.Anycast = append(f.files.Anycast, path)
	default:
		kind, err := mmdbType(path)
		if err != nil {
			f.unknown = append(f.unknown, path)
			return nil //nolint:nilerr // what is no data file is said at the end, all of them at once
		}
		name := tableName(path)
		if own != nil && (own.Name == "city" || own.Name == "witness") {
			name = own.Name
		}
		f.cities[name] = append(f.cities[name], path)
		f.types[name] += kind
	}
	return nil
}

// chooseCity says which table is asked and which one testifies.
func (f *finder) chooseCity() error {
	var names []string
	for name := range f.cities {
		names = append(names, name)
	}
	first := func(name string) bool {
		return name == "city" || strings.Contains(strings.ToLower(filepath.Base(name)+f.types[name]+filepath.Base(f.cities[name][0])), "dbip")
	}
	slices.SortFunc(names, func(a, b string) int {
		if x, y := first(a), first(b); x != y {
			if x {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	switch len(names) {
	case 0:
		return nil
	case 1:
	case 2:
		f.files.Witness = f.cities[names[1]]
	default:
		return fmt.Errorf("there are more than two city tables: %s", strings.Join(names, ", "))
	}
	f.files.City = f.cities[names[0]]
	return nil
}

// tableName joins the files of one table for both families: it is the path
// without what tells them apart.
func tableName(path string) string {
	base := strings.ToLower(filepath.Base(path))
	base, _, _ = strings.Cut(base, ".")
	for _, family := range []string{"ipv4", "ipv6", "v4", "v6"} {
		base = strings.ReplaceAll(base, family, "")
	}
	return filepath.Join(filepath.Dir(path), strings.Trim(base, "-_"))
}

// headOf gives the beginning of a file, unpacked.
func headOf(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := bufio.NewReader(file)
	var from io.Reader = r
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		if from, err = gzip.NewReader(r); err != nil {
			return nil, err
		}
	}
	head := make([]byte, findPrefix)
	n, err := io.ReadFull(from, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return head[:n], nil
}

// firstLine gives the first line that is neither empty nor a comment.
func firstLine(head []byte) string {
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\ufeff"))) {
		if text := strings.TrimSpace(string(line)); text != "" && text[0] != '#' {
			return text
		}
	}
	return ""
}

func isOverrides(line string) bool {
	_, err := overrideHeader(strings.Split(line, ","))
	return err == nil
}

func isASN(line string) bool {
	fields := strings.SplitN(line, ",", 4)
	if len(fields) != 4 {
		return false
	}
	_, number := strconv.ParseUint(fields[2], 10, 32)
	_, first := netip.ParseAddr(fields[0])
	_, last := netip.ParseAddr(fields[1])
	return errors.Join(number, first, last) == nil
}

func isAnycast(line string) bool {
	text, example, has := strings.Cut(line, ",")
	if _, err := netip.ParsePrefix(strings.TrimSpace(text)); err != nil {
		return false
	}
	_, err := netip.ParseAddr(strings.TrimSpace(example))
	return !has || err == nil
}

// mmdbType gives the database type of an MMDB file.
func mmdbType(path string) (string, error) {
	_, data, err := readFile(path)
	if err != nil {
		return "", err
	}
	r, err := maxminddb.OpenBytes(data)
	if err != nil {
		return "", err
	}
	defer r.Close()
	return r.Metadata.DatabaseType, nil
}
