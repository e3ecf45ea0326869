package device

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// fullList gives the path of the real OUI list, or skips.
func fullList(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, statErr := os.Stat(filepath.Join(dir, "go.work")); statErr == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.work above this folder")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "data", "oui", "index.json")
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI needs the OUI list: %v; run `landfall data update`", err)
		}
		t.Skipf("the OUI list is not here: %v; run `landfall data update`", err)
	}
	return path
}

func TestFullList(t *testing.T) {
	r := mustOpen(t, fullList(t), "")
	tests := map[string]string{
		"64:09:80:12:34:56": "Xiaomi", "f8:a4:5f:00:00:01": "Xiaomi", "ac:87:a3:00:00:01": "Apple",
		"00:e0:fc:00:00:01": "Huawei", "8c:1f:64:ff:80:01": "Chamsys", // MA-S
		"1c:87:74:00:00:01": "Philips Personal Health Solutions", // MA-M
		"1c:87:76:ff:ff:ff": VendorUnknown, "da:a1:19:00:00:01": VendorRandomised,
	}
	for address, want := range tests {
		mac, err := ParseMAC(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Lookup(mac); got.Vendor != want {
			t.Errorf("%s: %+v, want %s", address, got, want)
		}
	}
	// The handset makers that the scenarios and reports are about.
	for brand, least := range map[string]int{
		"Xiaomi": 300, "Samsung": 800, "Apple": 1500, "Huawei": 2000, "Honor": 50, "OPPO": 150, "vivo": 150, "OnePlus": 20,
		"realme": 50, "Motorola": 140, "Google": 100, "HMD": 30, "Nokia": 150, "Sony": 80, "LG": 110, "ZTE": 490, "TCL": 60,
		"Tecno": 50, "Infinix": 30, "itel": 60, "Asus": 90, "Lenovo": 20,
	} {
		ouis := r.OUIs(brand)
		if len(ouis) < least {
			t.Errorf("%s has %d blocks, less than %d", brand, len(ouis), least)
		}
		for _, o := range ouis {
			if got := r.Lookup(o.MAC(0x123456)); got.Vendor != brand || got.Method != MethodOUI {
				t.Fatalf("%s of %s resolves to %+v", o, brand, got)
			}
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	r := mustOpen(b, fullList(b), writeFile(b, "devices.csv", "10.1.0.0/16,A\n2001:db8::/48,B\n"))
	random := rand.New(rand.NewPCG(1, 2))
	var ouis []OUI
	for _, brand := range []string{"Xiaomi", "Samsung", "Apple", "Huawei", "OPPO", "vivo"} {
		ouis = append(ouis, r.OUIs(brand)...)
	}
	macs := make([]uint64, 1<<12)
	for i := range macs {
		macs[i] = uint64(ouis[random.IntN(len(ouis))].MAC(random.Uint32()))
		if i%2 == 0 {
			macs[i] = random.Uint64()&0xffffffffffff | 1<<41&^(1<<40) // as most handsets do
		}
	}
	addr := netip.MustParseAddr("10.2.0.1")
	b.ReportAllocs()
	b.ResetTimer()
	var sink uint32
	for i := range b.N {
		sink += r.Resolve(addr, macs[i&(len(macs)-1)]).ID
	}
	_ = sink
}

func BenchmarkOpen(b *testing.B) {
	path := fullList(b)
	b.ReportAllocs()
	for range b.N {
		if _, err := Open(path, ""); err != nil {
			b.Fatal(err)
		}
	}
}
