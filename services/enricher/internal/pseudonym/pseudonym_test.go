package pseudonym

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	monday = time.Date(2026, 8, 31, 0, 0, 0, 0, time.UTC).UnixMilli()
	one    = netip.MustParseAddr("100.64.0.1")
)

func TestSubscriberIsStableWithinAWeekAndUnlinkableAcross(t *testing.T) {
	m := NewMaker(Key{1})
	first := m.Subscriber(one, monday)
	if got := m.Subscriber(one, monday+weekMs-1); got != first {
		t.Errorf("Sunday 23:59:59.999 gives %x, Monday 00:00 gave %x", got, first)
	}
	if m.Subscriber(one, monday+weekMs) == first || m.Subscriber(one, monday-1) == first {
		t.Error("the pseudonym is the same in another week")
	}
	if m.Subscriber(netip.MustParseAddr("100.64.0.2"), monday) == first {
		t.Error("two addresses have one pseudonym")
	}
	if NewMaker(Key{2}).Subscriber(one, monday) == first {
		t.Error("two keys give one pseudonym")
	}
	if NewMaker(Key{1}).Subscriber(one, monday) != first {
		t.Error("another process with the same key gives another pseudonym")
	}
	if m.Subscriber(netip.MustParseAddr("::ffff:100.64.0.1"), monday) != first {
		t.Error("the mapped form of an address gives another pseudonym")
	}
}

func TestSubscriberOfIPv6IsItsPrefix(t *testing.T) {
	m := NewMaker(Key{1})
	a := m.Subscriber(netip.MustParseAddr("2001:db8:0:1::1"), monday)
	if b := m.Subscriber(netip.MustParseAddr("2001:db8:0:1:ffff::2"), monday); a != b {
		t.Errorf("two addresses of one /64: %x and %x", a, b)
	}
	if c := m.Subscriber(netip.MustParseAddr("2001:db8:0:2::1"), monday); a == c {
		t.Error("two /64 have one pseudonym")
	}
}

func TestSubscriberDoesNotAllocate(t *testing.T) {
	m := NewMaker(Key{1})
	m.Subscriber(one, monday)
	if n := testing.AllocsPerRun(1000, func() { m.Subscriber(one, monday) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func TestPeriodsAreBounded(t *testing.T) {
	m := NewMaker(Key{1})
	for i := range int64(10 * maxPeriods) {
		m.Subscriber(one, i*weekMs)
	}
	if len(m.periods) > maxPeriods {
		t.Errorf("%d periods kept", len(m.periods))
	}
}

func TestLoadKeyMakesOneForTheUserAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets", "pseudonym.key")
	made, err := LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := LoadKey(path)
	if err != nil || read != made || made == (Key{}) {
		t.Errorf("read %x, %v; made %x", read, err, made)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestLoadKeyRefusesAnotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for _, text := range []string{"", "abc", strings.Repeat("0", 63), strings.Repeat("x", 64)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func BenchmarkSubscriber(b *testing.B) {
	m := NewMaker(Key{1})
	b.ReportAllocs()
	for range b.N {
		m.Subscriber(one, monday)
	}
}

// TestKeyIsWholeOrNotThere: an enricher that starts beside another, or after one that was killed
// while it made the key, never finds half of it.
func TestKeyIsWholeOrNotThere(t *testing.T) {
	for range 50 {
		path := filepath.Join(t.TempDir(), "secrets", "key")
		keys := make([]Key, 8)
		var all sync.WaitGroup
		for i := range keys {
			all.Go(func() {
				var err error
				if keys[i], err = LoadKey(path); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, k := range keys {
			if k != keys[0] || k == (Key{}) {
				t.Fatal("enrichers that start together have different keys")
			}
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
			t.Fatalf("files left: %v", left)
		}
	}
}
