package geo

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// nestedRec encodes a record of MaxMind's schema as MMDB data.
func nestedRec(country, iso, subdivision, city string) []byte {
	var b bytes.Buffer
	object := func(n int) { b.WriteByte(7<<5 | byte(n)) }
	named := func(name string) {
		writeString(&b, "names")
		object(1)
		writeString(&b, "en")
		writeString(&b, name)
	}
	object(3)
	writeString(&b, "country")
	object(1)
	writeString(&b, "iso_code")
	writeString(&b, country)
	writeString(&b, "subdivisions")
	b.Write([]byte{1, 11 - 7}) // an array of one
	if iso != "" {
		object(2)
		writeString(&b, "iso_code")
		writeString(&b, iso)
	} else {
		object(1)
	}
	named(subdivision)
	writeString(&b, "city")
	object(1)
	named(city)
	return b.Bytes()
}

// nestedMMDB puts one record on each of four networks of an IPv4 tree.
func nestedMMDB(records [4][]byte) []byte {
	flat := map[netip.Prefix]map[string]string{}
	for i := range records {
		flat[netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + i), 0, 0, 0}), 8)] = map[string]string{"x": string(rune('a' + i))}
	}
	data := writeMMDB(4, flat)
	// The writer's own records are "{x: a}": replace them, and the pointers to them.
	start := bytes.Index(data, []byte("\xe1\x41x\x41a"))
	end := bytes.Index(data, []byte("\xab\xcd\xefMaxMind.com"))
	nodes := (start - 16) / 8
	tree, metadata := slices.Clone(data[:start]), data[end:]
	var out bytes.Buffer
	at := make([]int, len(records))
	for i, r := range records {
		at[i] = out.Len()
		out.Write(r)
	}
	for i := 0; i < nodes*8; i += 4 {
		if v := int(binary.BigEndian.Uint32(tree[i:])); v > nodes {
			binary.BigEndian.PutUint32(tree[i:], uint32(nodes+16+at[(v-nodes-16)/5]))
		}
	}
	return slices.Concat(tree, out.Bytes(), metadata)
}

func nestedTable() []byte {
	return nestedMMDB([4][]byte{
		nestedRec("US", "OR", "Oregon", "Boardman"),
		nestedRec("DE", "", "Hesse", "Frankfurt"),
		nestedRec("CN", "11", "Beijing", "Beijing"), // a code that is no more; the name is known
		nestedRec("SG", "", "", "Singapore"),
	})
}

func TestNestedSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nested.mmdb")
	write(t, path, nestedTable())
	table := mustOpen(t, path, "")
	for address, want := range map[string]string{
		"20.0.0.1": "US-OR/Boardman city_db single", "21.0.0.1": "DE-HE/Frankfurt city_db single",
		"22.0.0.1": "CN-BJ/Beijing city_db single", "23.0.0.1": "SG/Singapore city_db single",
	} {
		if got := said(table.Lookup(netip.MustParseAddr(address))); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func TestEveryTruncationOfANestedTableIsRefused(t *testing.T) {
	whole := nestedTable()
	codes, err := loadCodes()
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if _, err := parseCity(newFile("n.mmdb", nil), whole[:n], codes); err == nil || !strings.Contains(err.Error(), "n.mmdb") {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
		// A piece cut out of the middle leaves the metadata whole; it must not be
		// read as another table than it is without an end.
		if n > 0 {
			_, _ = parseCity(newFile("n.mmdb", nil), slices.Concat(whole[:n-1], whole[n:]), codes)
		}
	}
}

// TestDamagedTreesAreRefused has trees that go round, that use one node for
// both sides all the way down (2^32 networks), and records of wrong types.
func TestDamagedTreesAreRefused(t *testing.T) {
	codes, err := loadCodes()
	if err != nil {
		t.Fatal(err)
	}
	good := nestedTable()
	nodes := (bytes.Index(good, []byte("\xe3\x47country")) - 16) / 8
	tree := func(child func(node int) (left, right int)) []byte {
		data := slices.Clone(good)
		for n := range nodes {
			left, right := child(n)
			binary.BigEndian.PutUint32(data[8*n:], uint32(left))
			binary.BigEndian.PutUint32(data[8*n+4:], uint32(right))
		}
		return data
	}
	record := nodes + 16
	for name, data := range map[string][]byte{
		"a loop to the left":     tree(func(int) (int, int) { return 0, record }),
		"a loop to the right":    tree(func(int) (int, int) { return record, 0 }),
		"nothing, and a loop":    tree(func(int) (int, int) { return nodes, 0 }),
		"one node for both":      tree(func(n int) (int, int) { return min(n+1, nodes), min(n+1, nodes) }),
		"records behind the end": tree(func(int) (int, int) { return 1 << 30, 1 << 30 }),
		"a number for a country": bytes.Replace(good, []byte("\x48iso_code\x42US"), []byte("\x48iso_code\xa2US"), 1),
		"a text for the country": bytes.Replace(good, []byte("\x47country\xe1"), []byte("\x47country\x41"), 1),
		"a flat number":          bytes.ReplaceAll(writeMMDB(4, map[netip.Prefix]map[string]string{netip.MustParsePrefix("1.0.0.0/8"): rec("DE", "", "")}), []byte("\x42DE"), []byte("\xa2DE")),
		"a pointer to itself":    bytes.Replace(good, []byte("\xe3\x47country"), []byte("\x20\x00country"), 1),
	} {
		if _, err := parseCity(newFile("bad.mmdb", nil), data, codes); err == nil || !strings.Contains(err.Error(), "bad.mmdb") {
			t.Errorf("%s: %v", name, err)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

func FuzzLists(f *testing.F) {
	f.Add([]byte("1.1.1.0/24,1.1.1.1\n2600::/32\n"))
	f.Add([]byte("prefix,country,subdivision\n1.1.1.0/24,DE,DE-HE\n"))
	codes, err := loadCodes()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := parseAnycast(newFile("fuzz", nil), data); err == nil && len(a.prefixes) == 0 {
			t.Fatal("a list of nothing")
		}
		if o, err := parseOverrides(newFile("fuzz", nil), data, codes); err == nil && len(o.rows) == 0 {
			t.Fatal("overrides of nothing")
		}
	})
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	f := layeredFiles(t)
	city, witness := filepath.Join(f.City[0], "v4.mmdb"), f.Witness[0]
	put := func(from, to string) string {
		_, data, err := readFile(from)
		if err != nil {
			t.Fatal(err)
		}
		to = filepath.Join(dir, to)
		write(t, to, data)
		return to
	}
	wantCity := put(city, "a/b/dbip.bin")
	wantWitness := put(witness, "a/another.bin")
	wantAS := put(filepath.Join(f.ASN[0], "asn-ipv4.csv"), "systems")
	wantCloud := put(f.Cloud[0], "a/b/c/list")
	wantAnycast := put(f.Anycast[0], "many.txt2")
	wantOverrides := put(f.Overrides, "own")
	for _, aside := range []string{"README.md", ".hidden", "a/notes.txt", "lib.so"} {
		write(t, filepath.Join(dir, aside), []byte("nothing"))
	}
	got, err := Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.City, []string{wantCity}) || !slices.Equal(got.Witness, []string{wantWitness}) || !slices.Equal(got.ASN, []string{wantAS}) ||
		!slices.Equal(got.Cloud, []string{wantCloud}) || !slices.Equal(got.Anycast, []string{wantAnycast}) || got.Overrides != wantOverrides {
		t.Errorf("%+v", got)
	}
	if _, err := Open(got); err != nil {
		t.Error(err)
	}
	write(t, filepath.Join(dir, "a", "strange.dat"), []byte("what is this\n"))
	if _, err := Find(dir); err == nil || !strings.Contains(err.Error(), "strange.dat") {
		t.Errorf("a strange file: %v", err)
	}
	// What the update command made: sets by their manifest, older ones aside,
	// and what else lies in the data folder is not looked at.
	dir = t.TempDir()
	manifest := func(set string) {
		write(t, filepath.Join(dir, set, manifestName), []byte(`{"name":"`+filepath.Base(set)+`"}`))
	}
	manifest("city")
	manifest("witness")
	manifest("oui")
	wantCity, wantWitness = put(city, "city/z.mmdb"), put(witness, "witness/a-dbip.mmdb")
	put(city, "city/kept/2026/z.mmdb")
	write(t, filepath.Join(dir, "oui", "index.json"), []byte("{}"))
	write(t, filepath.Join(dir, "kafka", "log"), []byte("x"))
	write(t, filepath.Join(dir, "landfall.yaml"), []byte("x"))
	if got, err = Find(dir); err != nil || !slices.Equal(got.City, []string{wantCity}) || !slices.Equal(got.Witness, []string{wantWitness}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Find(t.TempDir()); err == nil {
		t.Error("an empty folder")
	}
}
