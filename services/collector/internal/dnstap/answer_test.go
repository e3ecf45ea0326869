package dnstap

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	tap "github.com/dnstap/golang-dnstap"
	"golang.org/x/net/dns/dnsmessage"
	"google.golang.org/protobuf/proto"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

const kept = time.Hour

var now = time.Unix(1_767_225_600, 0)

// said is one record of an answer section.
type said struct {
	owner string
	body  dnsmessage.ResourceBody
	class dnsmessage.Class // 0: Internet
}

func v4(last byte) *dnsmessage.AResource { return &dnsmessage.AResource{A: [4]byte{203, 0, 113, last}} }

func v6(last byte) *dnsmessage.AAAAResource {
	return &dnsmessage.AAAAResource{AAAA: [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: last}}
}

func alias(to string) *dnsmessage.CNAMEResource {
	return &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to)}
}

// response is a DNS message with one question of that type.
func response(tb testing.TB, question string, kind dnsmessage.Type, answers ...said) []byte {
	tb.Helper()
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, Response: true, RecursionDesired: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(question), Type: kind, Class: dnsmessage.ClassINET}},
	}
	for _, s := range answers {
		class := s.class
		if class == 0 {
			class = dnsmessage.ClassINET
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(s.owner), Class: class, TTL: 60}, Body: s.body})
	}
	packed, err := m.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return packed
}

// frame is a dnstap message of that response, as change has it.
func frame(tb testing.TB, response []byte, change func(*tap.Message)) []byte {
	tb.Helper()
	m := &tap.Message{
		Type: tap.Message_CLIENT_RESPONSE.Enum(), QueryAddress: []byte{10, 0, 0, 1},
		ResponseTimeSec: proto.Uint64(uint64(now.Unix())), ResponseTimeNsec: proto.Uint32(5e6), ResponseMessage: response,
	}
	if change != nil {
		change(m)
	}
	b, err := proto.Marshal(&tap.Dnstap{Type: tap.Dnstap_MESSAGE.Enum(), Message: m})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func (a answer) list() string {
	var list []string
	for _, address := range a.addresses {
		list = append(list, netip.AddrFrom16(address).Unmap().String())
	}
	return strings.Join(list, " ")
}

func TestResponse(t *testing.T) {
	chain := make([]said, 0, 31)
	for i := range 30 {
		chain = append(chain, said{owner: fmt.Sprintf("c%d.example.", i), body: alias(fmt.Sprintf("c%d.example.", i+1))})
	}
	slices.Reverse(chain)
	chain = append(chain, said{owner: "c30.example.", body: v4(9)})
	for _, test := range []struct {
		name      string
		message   []byte
		asked     string
		addresses string
		why       Reason
	}{
		{"one", response(t, "WWW.Example.", dnsmessage.TypeA, said{owner: "www.example.", body: v4(1)}), "www.example", "203.0.113.1", ""},
		{"two of six", response(t, "www.example.", dnsmessage.TypeAAAA, said{owner: "www.example.", body: v6(1)}, said{owner: "www.example.", body: v6(2)}), "www.example", "2001:db8::1 2001:db8::2", ""},
		{"alias", response(t, "www.example.", dnsmessage.TypeA, said{owner: "WWW.example.", body: alias("Edge.CDN.example.")}, said{owner: "edge.cdn.example.", body: v4(1)}), "www.example", "203.0.113.1", ""},
		{"long chain, last first", response(t, "c0.example.", dnsmessage.TypeA, chain...), "c0.example", "203.0.113.9", ""},
		{"alias of itself", response(t, "www.example.", dnsmessage.TypeA, said{owner: "www.example.", body: alias("www.example.")}, said{owner: "other.example.", body: v4(1)}), "www.example", "", ""},
		{"loop with an address in it", response(t, "a.example.", dnsmessage.TypeA, said{owner: "a.example.", body: alias("b.example.")}, said{owner: "b.example.", body: alias("a.example.")}, said{owner: "b.example.", body: v4(1)}), "a.example", "203.0.113.1", ""},
		{"loop not of the question", response(t, "x.example.", dnsmessage.TypeA, said{owner: "a.example.", body: alias("b.example.")}, said{owner: "b.example.", body: alias("a.example.")}, said{owner: "b.example.", body: v4(1)}), "x.example", "", ""},
		{"other names only", response(t, "www.example.", dnsmessage.TypeA, said{owner: "evil.example.", body: v4(1)}), "www.example", "", ""},
		{"other names between", response(t, "www.example.", dnsmessage.TypeA, said{owner: "evil.example.", body: v4(1)}, said{owner: "www.example.", body: v4(2)}), "www.example", "203.0.113.2", ""},
		{"no places of the Internet", response(t, "www.example.", dnsmessage.TypeA, said{owner: "www.example.", body: &dnsmessage.AResource{}}, said{owner: "www.example.", body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}, said{owner: "www.example.", body: &dnsmessage.AResource{A: [4]byte{224, 0, 0, 1}}}), "", "", ""},
		{"other class", response(t, "www.example.", dnsmessage.TypeA, said{owner: "www.example.", body: v4(1), class: dnsmessage.ClassCHAOS}), "", "", ""},
		{"text beside", response(t, "www.example.", dnsmessage.TypeA, said{owner: "www.example.", body: &dnsmessage.TXTResource{TXT: []string{"x"}}}, said{owner: "www.example.", body: v4(1)}), "www.example", "203.0.113.1", ""},
		{"no answers", response(t, "www.example.", dnsmessage.TypeA), "", "", ""},
		{"asked for mail", response(t, "www.example.", dnsmessage.TypeMX, said{owner: "www.example.", body: v4(1)}), "", "", ""},
		{"no host name", response(t, "a b.example.", dnsmessage.TypeA, said{owner: "a b.example.", body: v4(1)}), "", "", ReasonName},
		{"the root", response(t, ".", dnsmessage.TypeA, said{owner: ".", body: v4(1)}), "", "", ReasonName},
		{"nothing", nil, "", "", ReasonDNS},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, why := parse(frame(t, test.message, nil), now, kept)
			if why != test.why || a.name != test.asked || a.list() != test.addresses {
				t.Errorf("%q has %q, refused %q; want %q has %q, %q", a.name, a.list(), why, test.asked, test.addresses, test.why)
			}
			if want := netip.MustParseAddr("10.0.0.1").As16(); a.client != want || a.ms != now.UnixMilli()+5 {
				t.Errorf("client %v at %d", a.client, a.ms)
			}
		})
	}
}

// TestGolden: a response as it is on the wire, written out by hand from RFC 1035: a compressed CNAME
// whose target ends in the question's name.
func TestGolden(t *testing.T) {
	message, err := hex.DecodeString(strings.ReplaceAll("1234 8180 0001 0002 0000 0001 "+ // header: a response, with one additional record
		"03777777 076578616d706c65 00 0001 0001 "+ // www.example A IN
		"c00c 0005 0001 0000003c 0006 03636e64 c010 "+ // www.example CNAME cnd.example
		"c029 0001 0001 0000003c 0004 cb007107 "+ // cnd.example A 203.0.113.7
		"00 0029 04d0 00000000 0000", " ", "")) // EDNS
	if err != nil {
		t.Fatal(err)
	}
	a, why := parse(frame(t, message, nil), now, kept)
	if why != "" || a.name != "www.example" || a.list() != "203.0.113.7" {
		t.Errorf("%q %q %q", a.name, a.list(), why)
	}
	message[2] &^= 0x80 // a query
	if _, why := parse(frame(t, message, nil), now, kept); why != ReasonDNS {
		t.Errorf("a query: %q", why)
	}
	message[2] |= 0x80
	message[3] |= 3 // NXDOMAIN
	if a, why := parse(frame(t, message, nil), now, kept); why != "" || a.addresses != nil {
		t.Errorf("no such name: %v %q", a.addresses, why)
	}
}

func TestMessage(t *testing.T) {
	good := response(t, "www.example.", dnsmessage.TypeA, said{owner: "www.example.", body: v4(1)})
	at := func(d time.Duration) func(*tap.Message) {
		return func(m *tap.Message) { m.ResponseTimeSec = proto.Uint64(uint64(now.Add(d).Unix())) }
	}
	for _, test := range []struct {
		name   string
		change func(*tap.Message)
		why    Reason
		taken  bool
	}{
		{"good", nil, "", true},
		{"of six", func(m *tap.Message) { m.QueryAddress = netip.MustParseAddr("2001:db8::5").AsSlice() }, "", true},
		{"a resolver's own question", func(m *tap.Message) { m.Type = tap.Message_RESOLVER_RESPONSE.Enum() }, "", false},
		{"a client's question", func(m *tap.Message) { m.Type = tap.Message_CLIENT_QUERY.Enum() }, "", false},
		{"no client", func(m *tap.Message) { m.QueryAddress = nil }, ReasonClient, false},
		{"half a client", func(m *tap.Message) { m.QueryAddress = []byte{10, 0, 0} }, ReasonClient, false},
		{"client of zeros", func(m *tap.Message) { m.QueryAddress = make([]byte, 16) }, ReasonClient, false},
		{"no time", func(m *tap.Message) { m.ResponseTimeSec = nil }, ReasonTime, false},
		{"time beyond all", func(m *tap.Message) { m.ResponseTimeSec = proto.Uint64(1 << 63) }, ReasonTime, false},
		{"a little ahead", at(9 * time.Second), "", true},
		{"ahead", at(11 * time.Second), ReasonTime, false},
		{"old", at(-59 * time.Minute), "", true},
		{"too old", at(-61 * time.Minute), ReasonTime, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, why := parse(frame(t, good, test.change), now, kept)
			if why != test.why || (len(a.addresses) == 1) != test.taken {
				t.Errorf("%d addresses, refused %q; want %q", len(a.addresses), why, test.why)
			}
		})
	}
	if _, why := parse(nil, now, kept); why != ReasonMalformed {
		t.Errorf("an empty frame: %q", why)
	}
}

// TestEveryTruncation: a response that ends early is refused, wherever it ends.
func TestEveryTruncation(t *testing.T) {
	good := response(t, "www.example.", dnsmessage.TypeAAAA,
		said{owner: "www.example.", body: alias("edge.cdn.example.")}, said{owner: "edge.cdn.example.", body: v6(1)}, said{owner: "edge.cdn.example.", body: v6(2)})
	for n := range good {
		if a, why := parse(frame(t, good[:n], nil), now, kept); why != ReasonDNS || a.addresses != nil {
			t.Errorf("%d of %d bytes: %q, %d addresses", n, len(good), why, len(a.addresses))
		}
	}
	whole := frame(t, good, nil)
	for n := range whole {
		if a, _ := parse(whole[:n], now, kept); a.addresses != nil {
			t.Errorf("%d of %d bytes of the frame give %d addresses", n, len(whole), len(a.addresses))
		}
	}
}

// TestLongestResponse: of 64 KiB of answers no more than the bound is looked at.
func TestLongestResponse(t *testing.T) {
	many := make([]said, 4000)
	for i := range many {
		many[i] = said{owner: "www.example.", body: &dnsmessage.AResource{A: [4]byte{203, 0, byte(i >> 8), byte(i)}}}
	}
	message := response(t, "www.example.", dnsmessage.TypeA, many...)
	if len(message) < 64000 || len(message) > 1<<16 {
		t.Fatalf("%d bytes", len(message))
	}
	a, why := parse(frame(t, message, nil), now, kept)
	if why != "" || len(a.addresses) != maxAnswers {
		t.Errorf("%d addresses, refused %q", len(a.addresses), why)
	}
	for i := range many { // each owner an alias of the next
		many[i] = said{owner: fmt.Sprintf("a%d.example.", i), body: alias(fmt.Sprintf("a%d.example.", i+1))}
	}
	message = response(t, "a0.example.", dnsmessage.TypeA, many[:2000]...)
	if a, why := parse(frame(t, message, nil), now, kept); why != "" || a.addresses != nil {
		t.Errorf("aliases: %d addresses, refused %q", len(a.addresses), why)
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = parse(frame(t, message, nil), now, kept) }); n > 1000 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	message := response(f, "WWW.Example.", dnsmessage.TypeA, said{owner: "www.example.", body: alias("edge.example.")}, said{owner: "edge.example.", body: v4(1)}, said{owner: "other.example.", body: v6(1)})
	f.Add(frame(f, message, nil))
	f.Add(frame(f, message[:40], nil))
	f.Add(frame(f, response(f, "a.example.", dnsmessage.TypeA, said{owner: "a.example.", body: alias("b.example.")}, said{owner: "b.example.", body: alias("a.example.")}), nil))
	f.Add(frame(f, message, func(m *tap.Message) { m.QueryAddress = []byte{1} }))
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkAnswer(t, b)
		checkAnswer(t, frame(t, b, nil)) // the bytes as a DNS message
	})
}

// checkAnswer: what is taken is a host name, addresses of which none is unspecified, and a time
// within what is kept.
func checkAnswer(t *testing.T, b []byte) {
	a, why := parse(b, now, kept)
	if len(a.addresses) == 0 {
		return
	}
	if why != "" {
		t.Errorf("refused by %q, and taken", why)
	}
	if name, ok := flow.DomainName(a.name); !ok || name != a.name {
		t.Errorf("name %q", a.name)
	}
	if len(a.addresses) > maxAnswers {
		t.Errorf("%d addresses", len(a.addresses))
	}
	for _, address := range append(a.addresses, a.client) {
		if netip.AddrFrom16(address).Unmap().IsUnspecified() {
			t.Error("an address of zeros")
		}
	}
	if at := time.UnixMilli(a.ms); at.After(now.Add(maxAhead)) || at.Before(now.Add(-kept)) {
		t.Errorf("time %s", at)
	}
}
