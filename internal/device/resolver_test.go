package device

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const tinyList = `{
 "640980": "Xiaomi Communications Co Ltd\nThe Rainbow City\nBeijing 100085\nChina",
 "001A11": "Google, Inc.\nMountain View",
 "02608C": "3COM CORPORATION\nSanta Clara",
 "1C8777": "IEEE Registration Authority\nPiscataway",
 "1C87770": "Fairphone\nAmsterdam",
 "1C87771": "Private",
 "1C8777F3A": "Nothing Technology Limited\nLondon",
 "8439BE": "HINO Engineering Co.,Ltd\nTokyo",
 "8439BE5": "OnePlus Tech (Shenzhen) Ltd",
 "40A36B123": "BQ\nMadrid",
 "000101": "Private",
 "111111": "Xiaomi Communications Co Ltd\na group block"
}`

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustOpen(t testing.TB, oui, static string) *Resolver {
	t.Helper()
	r, err := Open(oui, static)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLookup(t *testing.T) {
	r := mustOpen(t, writeFile(t, "index.json", tinyList), "")
	tests := map[string]string{
		"64:09:80:00:00:01": "Xiaomi oui",
		"64:09:80:ff:ff:ff": "Xiaomi oui",
		"64:09:81:00:00:00": "unknown none",
		"00:1a:11:12:34:56": "Google oui",
		"1c:87:77:0f:ff:ff": "Fairphone oui", // 28 bits
		"1c:87:77:10:00:00": "unknown none",  // 28 bits, its owner hidden
		"1c:87:77:20:00:00": "unknown none",  // the divided block itself
		"1c:87:77:f3:af:ff": "Nothing oui",   // 36 bits
		"1c:87:77:f3:b0:00": "unknown none",
		"84:39:be:50:00:01": "OnePlus oui", // a part of a block with another owner
		"84:39:be:60:00:01": "HINO Engineering oui",
		"40:a3:6b:12:30:00": "BQ oui", // the block around it is not listed
		"40:a3:6b:12:40:00": "unknown none",
		"00:01:01:00:00:01": "unknown none",
		"02:60:8c:00:00:01": "3COM oui", // listed, although locally administered: from before that bit
		"02:60:8d:00:00:01": "randomised none",
		"da:a1:19:00:00:01": "randomised none",
		"66:09:80:00:00:01": "randomised none", // the Xiaomi block with that bit
		"11:11:11:00:00:01": "unknown none",    // group addresses are nobody's
		"01:00:5e:00:00:01": "unknown none",
		"03:00:00:00:00:01": "unknown none",
		"ff:ff:ff:ff:ff:ff": "unknown none",
		"00:00:00:00:00:00": "unknown none",
	}
	for address, want := range tests {
		mac, err := ParseMAC(address)
		if err != nil {
			t.Fatal(err)
		}
		a := r.Lookup(mac)
		if got := a.Vendor + " " + a.Method.String(); got != want || int(a.ID) >= r.Attributions() {
			t.Errorf("%s: %q, want %q (ID %d of %d)", address, got, want, a.ID, r.Attributions())
		}
	}
	if a := r.Lookup(1<<48 | 0x640980000001); a.Vendor != VendorUnknown {
		t.Errorf("49 bits: %+v", a)
	}
	if a := mustOpen(t, "", "").Lookup(0xdaa119000001); a.Vendor != VendorRandomised {
		t.Errorf("without a list: %+v", a)
	}
}

func TestResolveOrder(t *testing.T) {
	static := writeFile(t, "devices.csv", "prefix,vendor\n# the lab\n10.1.0.0/16,samsung\n10.1.2.0/24, Own Phone \n10.1.2.3,XIAOMI\n2001:db8::/48,\"Fairphone\"\n\n")
	r := mustOpen(t, writeFile(t, "index.json", tinyList), static)
	const xiaomi, random = 0x640980000001, 0xdaa119000001
	tests := []struct {
		addr string
		mac  uint64
		want string
	}{
		{"10.1.9.9", xiaomi, "Samsung static"}, // the operator's word wins, in the brand's spelling
		{"10.1.9.9", random, "Samsung static"},
		{"10.1.9.9", 0, "Samsung static"},
		{"10.1.2.9", 0, "Own Phone static"}, // the longest prefix wins
		{"10.1.2.3", 0, "Xiaomi static"},
		{"::ffff:10.1.2.3", 0, "Xiaomi static"},
		{"2001:db8::1", 0, "Fairphone static"},
		{"10.2.0.1", xiaomi, "Xiaomi oui"},
		{"10.2.0.1", random, "randomised none"},
		{"10.2.0.1", 0, "unknown none"},
	}
	for _, tt := range tests {
		a := r.Resolve(netip.MustParseAddr(tt.addr), tt.mac)
		if got := a.Vendor + " " + a.Method.String(); got != tt.want {
			t.Errorf("%s %012x: %q, want %q", tt.addr, tt.mac, got, tt.want)
		}
	}
	if a := r.Resolve(netip.Addr{}, xiaomi); a.Vendor != "Xiaomi" || a.Method != MethodOUI {
		t.Errorf("no address: %+v", a)
	}
	if v := r.Versions(); len(v) != 2 || v[0].Name != "oui" || v[1].Name != "static" || !strings.HasPrefix(v[1].Version, "sha256:") {
		t.Errorf("versions %+v", v)
	}
}

func TestOUIs(t *testing.T) {
	r := mustOpen(t, writeFile(t, "index.json", tinyList), "")
	if got := fmt.Sprint(r.OUIs("Xiaomi")); got != "[64:09:80]" { // not the group block
		t.Errorf("Xiaomi has %s", got)
	}
	for _, brand := range []string{"3COM", "HINO Engineering", "Fairphone", VendorUnknown, VendorRandomised, "nobody", ""} {
		if got := r.OUIs(brand); len(got) != 0 { // local, divided, none of 24 bits, no brand
			t.Errorf("%q has %v", brand, got)
		}
	}
	if m := OUI(0x640980).MAC(0xff000001); m.String() != "64:09:80:00:00:01" || m.OUI() != 0x640980 {
		t.Errorf("made %s", m)
	}
}

func TestBadOUILists(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "no whole JSON"},
		{"a list", "[]", "no whole JSON"},
		{"nothing in it", "{}", "holds no block"},
		{"not hexadecimal", `{"64098x":"A"}`, `"64098x"`},
		{"another length", `{"64098012":"A"}`, "8 digits"},
		{"not a name", `{"640980":1}`, "no whole JSON"},
		{"an MMDB", "\x00\x01\x02\xab\xcd\xefMaxMind.com", "no whole JSON"},
	}
	for n := range tinyList {
		if n%7 == 0 {
			tests = append(tests, struct{ name, text, want string }{fmt.Sprintf("%d bytes of %d", n, len(tinyList)), tinyList[:n], "no whole JSON"})
		}
	}
	for _, tt := range tests {
		path := writeFile(t, "list.json", tt.text)
		r, err := Open(path, "")
		if err == nil || r != nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.json"), ""); err == nil || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("no file: %v", err)
	}
}

func TestBadStaticLines(t *testing.T) {
	tests := []struct{ line, want string }{
		{"10.0.0.0/8", "not \"prefix,vendor\""},
		{"10.0.0.0/8,", "not a vendor's name"},
		{"10.0.0.0/8,a,b", "not \"prefix,vendor\""},
		{"10.0.0.1/8,A", "10.0.0.0/8 meant"},
		{"10.0.0.0/33,A", "not a prefix"},
		{"10.0.0,A", "neither a prefix nor an address"},
		{"fe80::1%eth0,A", "neither a prefix nor an address"},
		{"::ffff:10.0.0.0/104,A", "write it as IPv4"},
		{"10.0.0.1,unknown", "not a vendor's name"},
		{"10.0.0.1,Randomised", "not a vendor's name"},
		{"10.0.0.1," + strings.Repeat("x", 65), "not a vendor's name"},
		{"192.168.0.0/16,B", "192.168.0.0/16 is on line 2 already"},
		{"prefix,vendor", "neither a prefix nor an address"}, // a header only on top
	}
	for _, tt := range tests {
		path := writeFile(t, "devices.csv", "# comment\n192.168.0.0/16,A\n"+tt.line+"\n")
		_, err := Open("", path)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path+", line 3") {
			t.Errorf("%q: %v", tt.line, err)
		}
	}
	path := writeFile(t, "devices.csv", strings.Repeat("x\n", 50))
	if _, err := Open("", path); err == nil || strings.Count(err.Error(), "line ") != 10 {
		t.Errorf("fifty bad lines: %v", err)
	}
}

func TestStaticIsTheNaiveList(t *testing.T) {
	prefix := rapid.Custom(func(t *rapid.T) netip.Prefix {
		a := netip.AddrFrom4([4]byte{10, rapid.Byte().Draw(t, "b") & 1, rapid.Byte().Draw(t, "c") & 3, rapid.Byte().Draw(t, "d")})
		p, _ := a.Prefix(rapid.IntRange(0, 32).Draw(t, "bits"))
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(prefix, 0, 20, rapid.ID[netip.Prefix]).Draw(t, "prefixes")
		var csv strings.Builder
		for i, p := range list {
			fmt.Fprintf(&csv, "%s,V%d\n", p, i)
		}
		entries, err := parseStatic("random.csv", []byte(csv.String()), nil)
		if err != nil {
			t.Fatal(err)
		}
		r := &Resolver{attributions: []Attribution{{Vendor: VendorUnknown}}}
		for _, e := range entries {
			r.static.Insert(e.prefix, r.attribute(e.vendor, MethodStatic))
		}
		for range 20 {
			a := prefix.Draw(t, "address").Addr()
			want, bits := VendorUnknown, -1
			for i, p := range list {
				if p.Contains(a) && p.Bits() > bits {
					want, bits = fmt.Sprintf("V%d", i), p.Bits()
				}
			}
			if got := r.Resolve(a, 0).Vendor; got != want {
				t.Fatalf("%s: %s, want %s of %v", a, got, want, list)
			}
		}
	})
}

func FuzzStatic(f *testing.F) {
	f.Add([]byte("prefix,vendor\n10.0.0.0/8,Xiaomi\n2001:db8::1,\"A\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseStatic("fuzz.csv", data, []string{"Xiaomi"})
		if err != nil {
			return
		}
		for _, e := range entries {
			if !e.prefix.IsValid() || e.prefix != e.prefix.Masked() || e.vendor == "" || len(e.vendor) > maxVendorBytes {
				t.Errorf("taken: %+v", e)
			}
		}
	})
}

func TestHolderKeepsTheOldResolver(t *testing.T) {
	list := writeFile(t, "index.json", tinyList)
	h, err := NewHolder(list, "")
	if err != nil {
		t.Fatal(err)
	}
	old := h.Resolver()
	if err := os.WriteFile(list, []byte(tinyList[:100]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(); err == nil || !strings.Contains(err.Error(), list) || !strings.Contains(err.Error(), "the old ones stay in service") {
		t.Errorf("reload of half a list: %v", err)
	}
	if h.Resolver() != old || h.Resolver().Lookup(0x640980000001).Vendor != "Xiaomi" {
		t.Error("the old resolver is gone")
	}
	if err := os.WriteFile(list, []byte(`{"640980":"Apple, Inc."}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(); err != nil || h.Resolver().Lookup(0x640980000001).Vendor != "Apple" {
		t.Errorf("reload: %v", err)
	}
	if _, err := NewHolder(list, filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a holder without its table")
	}
}

func TestParseMAC(t *testing.T) {
	for _, bad := range []string{"", "64:09:80", "64:09:80:00:00:01:02:03", "x"} {
		if _, err := ParseMAC(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, good := range []string{"64:09:80:00:00:01", "64-09-80-00-00-01", "6409.8000.0001"} {
		if m, err := ParseMAC(good); err != nil || m != 0x640980000001 || m.String() != "64:09:80:00:00:01" {
			t.Errorf("%q: %s %v", good, m, err)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	r := mustOpen(t, writeFile(t, "index.json", tinyList), writeFile(t, "devices.csv", "10.0.0.0/8,A\n"))
	for _, a := range []string{"10.0.0.1", "11.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"} {
		addr := netip.MustParseAddr(a)
		for _, mac := range []uint64{0, 0x640980000001, 0x1c8777f3a000, 0xdaa119000001} {
			if n := testing.AllocsPerRun(100, func() { r.Resolve(addr, mac) }); n != 0 {
				t.Errorf("%s %x: %v allocations", a, mac, n)
			}
		}
	}
}
