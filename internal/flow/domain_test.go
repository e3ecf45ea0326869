package flow

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestDomainName(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 62)+".", 4) // 252 bytes
	for in, want := range map[string]string{
		"example.net": "example.net", "Example.NET.": "example.net", "_dns.resolver.arpa": "_dns.resolver.arpa", "a": "a",
		"host.example:8443": "host.example", "xn--bcher-kva.example": "xn--bcher-kva.example", long + "com": long + "com",
		"": "", ".": "", "..": "", "a..b": "", ".a": "", "a..": "", "a b": "", "bücher.example": "", "a\x00b": "", "host:": "", "host:x": "", "[::1]": "", "::1": "",
		"a/b": "", long + "comm": "", strings.Repeat("a", 64) + ".net": "", strings.Repeat("a.", 200): "", ":80": "",
	} {
		got, ok := DomainName(in)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
	}
}

// TestDomainNameIsStable: what was taken once is taken again as it is, and any bytes do no harm.
func TestDomainNameIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9_.:-]{0,300}`)).Draw(t, "name")
		once, ok := DomainName(in)
		if !ok {
			return
		}
		if twice, ok := DomainName(once); !ok || twice != once || len(once) > MaxDomainName || once != strings.ToLower(once) {
			t.Fatalf("%q: %q, then %q", in, once, twice)
		}
	})
}

func TestDomainNameDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _, _ = DomainName("cdn.example.net.") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNamesInABatch(t *testing.T) {
	var b Batch
	for _, r := range []Record{
		{DomainName: "Seen.Example."},
		{},
		{DomainName: "not a name"},
		{DomainName: "asked.example", DomainSource: landfallv1.DomainSource_DOMAIN_SOURCE_DNS},
		{DomainSource: landfallv1.DomainSource_DOMAIN_SOURCE_DNS},
	} {
		b.Append(&r)
	}
	b.SetDomain(1, "asked.example", landfallv1.DomainSource_DOMAIN_SOURCE_DNS_AMBIGUOUS)
	b.Stamp(origin(), "o", "s", 1)
	message, err := b.AppendMarshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	var read Batch
	if err := read.Unmarshal(message); err != nil {
		t.Fatal(err)
	}
	for i, want := range []Record{
		{DomainName: "seen.example", DomainSource: 1}, {DomainName: "asked.example", DomainSource: 3}, {}, {DomainName: "asked.example", DomainSource: 2}, {},
	} {
		var got Record
		read.At(i, &got)
		if got.DomainName != want.DomainName || got.DomainSource != want.DomainSource {
			t.Errorf("flow %d: %q by %s", i, got.DomainName, got.DomainSource)
		}
	}
	if n := len(read.Columns().Strings); n != 2 {
		t.Errorf("%d strings", n)
	}
	// A batch whose columns were left out takes names, too.
	var lean Batch
	lean.Columns().Count = 2
	lean.SetDomain(1, "late.example", landfallv1.DomainSource_DOMAIN_SOURCE_DNS)
	var got Record
	lean.At(1, &got)
	if got.DomainName != "late.example" || got.DomainSource != 2 || len(lean.Columns().DomainName) != 2 {
		t.Errorf("%+v", got)
	}
}
