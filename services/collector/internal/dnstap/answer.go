package dnstap

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	dnstap "github.com/dnstap/golang-dnstap"
	"golang.org/x/net/dns/dnsmessage"
	"google.golang.org/protobuf/proto"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

// Reason is why something was refused.
type Reason string

// The reasons.
const (
	ReasonSender      Reason = "not_allowed" // the sender is not on the list
	ReasonConnections Reason = "too_many_connections"
	ReasonHandshake   Reason = "handshake"
	ReasonTooLarge    Reason = "frame_too_large"
	ReasonCut         Reason = "frame_cut" // the connection ended or stood still inside of a frame
	ReasonMalformed   Reason = "malformed" // no dnstap message
	ReasonClient      Reason = "no_client"
	ReasonTime        Reason = "time"     // of another time than ours
	ReasonDNS         Reason = "dns"      // no DNS response
	ReasonName        Reason = "bad_name" // what was asked for is no host name
)

// Reasons are all of them.
var Reasons = [...]Reason{
	ReasonSender, ReasonConnections, ReasonHandshake, ReasonTooLarge, ReasonCut, ReasonMalformed, ReasonClient, ReasonTime, ReasonDNS, ReasonName,
}

// maxAhead is how far a resolver's clock may be ahead of ours.
const maxAhead = 10 * time.Second

// maxAnswers bounds the records of one response that are looked at, and with it the aliases.
const maxAnswers = 64

// answer is what a client was told.
type answer struct {
	client    [flow.AddrSize]byte
	name      string
	addresses [][flow.AddrSize]byte
	ms        int64 // milliseconds since 1970
}

// parse reads a frame. It gives no addresses for a message that is no CLIENT_RESPONSE or has none.
func parse(frame []byte, now time.Time, keep time.Duration) (answer, Reason) {
	var tap dnstap.Dnstap
	if err := proto.Unmarshal(frame, &tap); err != nil || tap.Message == nil {
		return answer{}, ReasonMalformed
	}
	m := tap.Message
	if m.GetType() != dnstap.Message_CLIENT_RESPONSE {
		return answer{}, ""
	}
	client, ok := netip.AddrFromSlice(m.QueryAddress)
	if !ok || client.IsUnspecified() {
		return answer{}, ReasonClient
	}
	if m.ResponseTimeSec == nil || *m.ResponseTimeSec > 1<<40 {
		return answer{}, ReasonTime
	}
	at := time.Unix(int64(*m.ResponseTimeSec), int64(m.GetResponseTimeNsec()))
	if at.After(now.Add(maxAhead)) || at.Before(now.Add(-keep)) {
		return answer{}, ReasonTime
	}
	a := answer{client: client.As16(), ms: at.UnixMilli()}
	reason := a.response(m.ResponseMessage)
	return a, reason
}

// response takes the asked name, and the addresses that it or an alias of it (CNAME) has.
func (a *answer) response(message []byte) Reason {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err != nil || !h.Response {
		return ReasonDNS
	}
	q, err := p.Question()
	if err != nil || p.SkipAllQuestions() != nil {
		return ReasonDNS
	}
	if h.RCode != dnsmessage.RCodeSuccess || q.Class != dnsmessage.ClassINET || q.Type != dnsmessage.TypeA && q.Type != dnsmessage.TypeAAAA {
		return ""
	}
	alias := strings.ToLower(q.Name.String())
	type owned struct {
		owner   string
		address [flow.AddrSize]byte
	}
	var addresses []owned
	aliases := make(map[string]string)
	for range maxAnswers {
		r, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return ReasonDNS
		}
		owner := strings.ToLower(r.Name.String())
		var address netip.Addr
		switch {
		case r.Class != dnsmessage.ClassINET:
			err = p.SkipAnswer()
		case r.Type == dnsmessage.TypeA:
			var body dnsmessage.AResource
			body, err = p.AResource()
			address = netip.AddrFrom4(body.A)
		case r.Type == dnsmessage.TypeAAAA:
			var body dnsmessage.AAAAResource
			body, err = p.AAAAResource()
			address = netip.AddrFrom16(body.AAAA)
		case r.Type == dnsmessage.TypeCNAME:
			var body dnsmessage.CNAMEResource
			body, err = p.CNAMEResource()
			aliases[owner] = strings.ToLower(body.CNAME.String())
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return ReasonDNS
		}
		if address.IsValid() && !address.IsUnspecified() && !address.IsLoopback() && !address.IsMulticast() {
			addresses = append(addresses, owned{owner, address.As16()})
		}
	}
	if len(addresses) == 0 {
		return ""
	}
	name, ok := flow.DomainName(alias)
	if !ok {
		return ReasonName
	}
	a.name = name
	for range len(aliases) + 1 { // a loop ends here, too
		for _, o := range addresses {
			if o.owner == alias {
				a.addresses = append(a.addresses, o.address)
			}
		}
		next, ok := aliases[alias]
		if !ok {
			break
		}
		delete(aliases, alias)
		alias = next
	}
	return ""
}
