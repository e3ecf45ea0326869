package netflow

import (
	"encoding/binary"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

var update = flag.Bool("update", false, "write the golden files anew")

var router = netip.MustParseAddr("192.0.2.1")

// captures are real exporters' datagrams, in the order in which they are decoded: templates first.
var captures = []struct {
	name  string
	files []string
}{
	{"barracuda", []string{"ipfix_test_barracuda_tpl", "ipfix_test_barracuda_data256"}},
	{"barracuda_uniflow", []string{"ipfix_test_barracuda_extended_uniflow_tpl256", "ipfix_test_barracuda_extended_uniflow_data256"}},
	{"ipfix", []string{"ipfix"}},
	{"juniper_mx240", []string{"ipfix_test_juniper_mx240_junos151r6s3_opttpl512", "ipfix_test_juniper_mx240_junos151r6s3_data512"}},
	{"mikrotik_ipfix", []string{"ipfix_test_mikrotik_tpl", "ipfix_test_mikrotik_data258", "ipfix_test_mikrotik_data259"}},
	{"nokia_bras", []string{"ipfix_test_nokia_bras_tpl", "ipfix_test_nokia_bras_data256"}},
	{"vmware_vds", []string{"ipfix_test_vmware_vds_tpl", "ipfix_test_vmware_vds_data264", "ipfix_test_vmware_vds_data266", "ipfix_test_vmware_vds_data266_267"}},
	{"yaf", []string{"ipfix_test_yaf_tpl45841", "ipfix_test_yaf_tpls_option_tpl", "ipfix_test_yaf_data45841", "ipfix_test_yaf_data45873", "ipfix_test_yaf_data53248"}},
	{"netflow5", []string{"netflow5"}},
	{"juniper_mx80_v5", []string{"netflow5_test_juniper_mx80"}},
	{"mikrotik_v5", []string{"netflow5_test_microtik"}},
	{"cisco_asa", []string{"netflow9_test_cisco_asa_1_tpl", "netflow9_test_cisco_asa_1_data"}},
	{"cisco_asr9k", []string{"netflow9_test_cisco_asr9k_opttpl256", "netflow9_test_cisco_asr9k_opttpl257", "netflow9_test_cisco_asr9k_tpl260", "netflow9_test_cisco_asr9k_data260"}},
	{"fortigate", []string{"netflow9_test_fortigate_fortios_542_appid_tpl258-269", "netflow9_test_fortigate_fortios_542_appid_data258_262"}},
	{"h3c", []string{"netflow9_test_h3c_tpl3281", "netflow9_test_h3c_data3281"}},
	{"h3c_varstring", []string{"netflow9_test_h3c_netstream_varstring_tpl3281", "netflow9_test_h3c_netstream_varstring_data3281"}},
	{"huawei", []string{"netflow9_test_huawei_netstream_tpl", "netflow9_test_huawei_netstream_data"}},
	{"juniper_srx", []string{"netflow9_test_juniper_srx_tplopt"}},
	{"nprobe", []string{"netflow9_test_nprobe_tpl", "netflow9_test_nprobe_data"}},
	{"nprobe_dpi", []string{"netflow9_test_nprobe_dpi"}},
	{"paloalto", []string{"netflow9_test_paloalto_panos_tpl", "netflow9_test_paloalto_panos_data"}},
	{"softflowd", []string{"netflow9_test_softflowd_tpl_data"}},
	{"invalid_v5", []string{"netflow5_test_invalid01"}},
	{"invalid_v9", []string{"netflow9_test_invalid01"}},
}

// testdata returns the folder of the captures, or skips.
func testdata(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.work above the test")
		}
		dir = filepath.Dir(dir)
	}
	folder := filepath.Join(dir, "..", "shared", "testdata", "netflow")
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no captures: %v", err)
		}
		t.Skipf("no captures at ../shared/testdata: %v", err)
	}
	return folder
}

func readCapture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testdata(t), name+".dat"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exportTime is the time in a datagram's header: the captures are old, and are decoded as if they
// arrived two seconds after they were sent.
func exportTime(datagram []byte) time.Time {
	at := 8
	if binary.BigEndian.Uint16(datagram) == versionIPFIX {
		at = 4
	}
	return time.Unix(int64(binary.BigEndian.Uint32(datagram[at:]))+2, 0)
}

// TestCaptures compares every flow of the captures with testdata/*.txt. Those were written by this
// decoder (go test -update) and checked against tshark's reading of the same datagrams.
func TestCaptures(t *testing.T) {
	for _, c := range captures {
		t.Run(c.name, func(t *testing.T) {
			d := New(DefaultLimits())
			var got strings.Builder
			for _, file := range c.files {
				datagram := readCapture(t, file)
				var batch flow.Batch
				result := d.Decode(datagram, router, exportTime(datagram), &batch)
				fmt.Fprintf(&got, "# %s\n%s", file, describeResult(&result))
				for i := range batch.Len() {
					var r flow.Record
					batch.At(i, &r)
					got.WriteString(describe(&r))
				}
				if batch.Len() != result.Flows {
					t.Errorf("%s: %d flows in the batch, %d in the result", file, batch.Len(), result.Flows)
				}
			}
			path := filepath.Join("testdata", "captures", c.name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
				t.Errorf("flows differ (-want +got):\n%s", diff)
			}
		})
	}
}

func describeResult(r *Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "v%d domain=%d flows=%d options=%d", r.Version, r.Domain, r.Flows, r.OptionRecords)
	for reason, n := range r.Refused {
		if n > 0 {
			fmt.Fprintf(&b, " %s=%d", Reason(reason), n)
		}
	}
	if r.UnknownElements > 0 {
		fmt.Fprintf(&b, " unknown_elements=%d", r.UnknownElements)
	}
	for _, m := range r.Missing {
		fmt.Fprintf(&b, " missing=%d/%d", m.Domain, m.ID)
	}
	if r.SequenceLost > 0 || r.Late || r.Restarted {
		fmt.Fprintf(&b, " lost=%d late=%t restarted=%t", r.SequenceLost, r.Late, r.Restarted)
	}
	return b.String() + "\n"
}

// describe writes a flow on one line, without what is zero.
func describe(r *flow.Record) string {
	var b strings.Builder
	ms := func(v int64) string { return time.UnixMilli(v).UTC().Format("2006-01-02T15:04:05.000") }
	fmt.Fprintf(&b, "%s %s:%d > %s:%d proto=%d octets=%d packets=%d start=%s end=%s", strings.ToLower(strings.TrimPrefix(
		landfallv1.ExportProtocol_name[int32(r.ExportProtocol)], "EXPORT_PROTOCOL_")),
		r.SourceAddress, r.SourcePort, r.DestinationAddress, r.DestinationPort, r.IPProtocol, r.Octets, r.Packets, ms(r.StartMs), ms(r.EndMs))
	optional := func(name string, zero bool, value any) {
		if !zero {
			fmt.Fprintf(&b, " %s=%v", name, value)
		}
	}
	optional("reverse_octets", r.ReverseOctets == 0, r.ReverseOctets)
	optional("reverse_packets", r.ReversePackets == 0, r.ReversePackets)
	optional("tcp", r.TCPFlags == 0, r.TCPFlags)
	optional("tos", r.IPClassOfService == 0, r.IPClassOfService)
	optional("smac", r.SourceMAC == 0, fmt.Sprintf("%012x", r.SourceMAC))
	optional("dmac", r.DestinationMAC == 0, fmt.Sprintf("%012x", r.DestinationMAC))
	optional("vlan", r.VLANID == 0, r.VLANID)
	optional("in", r.IngressInterface == 0, r.IngressInterface)
	optional("out", r.EgressInterface == 0, r.EgressInterface)
	optional("direction", r.FlowDirection == 0, int(r.FlowDirection))
	optional("sampling", r.SamplingInterval == 0, r.SamplingInterval)
	optional("next_hop", !r.NextHopAddress.IsValid(), r.NextHopAddress)
	optional("as", r.BGPSourceAS == 0 && r.BGPDestinationAS == 0, fmt.Sprintf("%d>%d", r.BGPSourceAS, r.BGPDestinationAS))
	optional("nat", !r.PostNATSourceAddress.IsValid() && !r.PostNATDestinationAddress.IsValid(),
		fmt.Sprintf("%s:%d>%s:%d", r.PostNATSourceAddress, r.PostNAPTSourcePort, r.PostNATDestinationAddress, r.PostNAPTDestinationPort))
	optional("nat_event", r.NATEvent == 0, r.NATEvent)
	optional("application", r.ApplicationName == "", fmt.Sprintf("%q", r.ApplicationName))
	optional("domain", r.DomainName == "", fmt.Sprintf("%q", r.DomainName))
	return b.String() + "\n"
}
