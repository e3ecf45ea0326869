package netflow

// slot is where the value of an element is kept until the record is made.
type slot uint8

const (
	_ slot = iota // of elements that are not kept

	slotOctets           // octetDeltaCount
	slotPackets          // packetDeltaCount
	slotOutOctets        // v9 OUT_BYTES, IPFIX postOctetDeltaCount
	slotOutPackets       // v9 OUT_PKTS, IPFIX postPacketDeltaCount
	slotTotalOctets      // octetTotalCount
	slotTotalPackets     // packetTotalCount
	slotInitiatorOctets  // initiatorOctets, responder…: Cisco ASA, both ways in one record
	slotResponderOctets  //
	slotInitiatorPackets //
	slotResponderPackets //
	slotReverseOctets    // RFC 5103 biflow
	slotReversePackets   //
	slotReverseTotalOctets
	slotReverseTotalPackets

	slotProtocol
	slotClassOfService
	slotTCPFlags
	slotSourcePort
	slotDestinationPort
	slotTransportSourcePort // udpSourcePort, tcpSourcePort
	slotTransportDestinationPort
	slotIngress
	slotEgress
	slotIngressPhysical
	slotEgressPhysical
	slotSourceAS
	slotDestinationAS
	slotDirection
	slotSourceMAC
	slotDestinationMAC
	slotPostDestinationMAC
	slotVLAN
	slotDot1qVLAN
	slotPostVLAN
	slotPostDot1qVLAN

	slotStart // ms since 1970
	slotEnd
	slotStartUptime // ms since boot
	slotEndUptime
	slotStartDelta // ms before the export
	slotEndDelta
	slotObserved
	slotDuration // ms
	slotSystemInit

	slotSamplingInterval // 34
	slotRandomInterval   // 50
	slotSamplerID        // 48 flowSamplerId, 302 selectorId
	slotPacketInterval   // 305
	slotPacketSpace      // 306
	slotSamplingSize     // 309
	slotPopulation       // 310
	slotProbability      // 311, as the interval that it stands for

	slotNATSourcePort
	slotNATDestinationPort
	slotNATEvent
	slotApplicationID

	numberSlots // those above hold numbers

	slotSource slot = iota - 1
	slotDestination
	slotNextHop
	slotBGPNextHop
	slotNATSource
	slotNATDestination

	slotApplicationName
	slotDomainName
)

// The number slots fit the bits of values.set.
const _ = uint(64 - numberSlots)

// kind says how the bytes of an element are read.
type kind uint8

const (
	kindUnknown     kind = iota // counted
	kindIgnored                 // known, and of no use to us
	kindNumber                  // unsigned, 1 to 8 bytes (RFC 7011, 6.2)
	kindSeconds                 // dateTimeSeconds
	kindMicros                  // a length of time in microseconds
	kindNTP                     // dateTimeMicroseconds, dateTimeNanoseconds
	kindProbability             // float64
	kindAddress                 // 4 or 16 bytes
	kindText
)

// element is what becomes of an information element.
type element struct {
	slot slot
	kind kind
}

// The enterprises whose elements are known.
const (
	penReverse = 29305 // RFC 5103: the reverse direction of IANA's element of the same number
	penNtop    = 35632
)

// lookup says what becomes of an element: IANA's IPFIX registry, whose low numbers v9 shares, and
// the vendors' own where we have a column for them.
func lookup(version uint16, enterprise uint32, id uint16) element {
	switch {
	case enterprise == penReverse:
		return lookupReverse(id)
	case enterprise == penNtop:
		return lookupVendor(id + 57472) // nProbe: the number that it has in v9
	case enterprise != 0:
		return element{}
	case version == versionNetFlow9 && id >= 1<<15:
		return lookupVendor(id)
	}
	number := func(s slot) element { return element{s, kindNumber} }
	switch id {
	case 1:
		return number(slotOctets)
	case 2:
		return number(slotPackets)
	case 4:
		return number(slotProtocol)
	case 5:
		return number(slotClassOfService)
	case 6:
		return number(slotTCPFlags)
	case 7:
		return number(slotSourcePort)
	case 8, 27:
		return element{slotSource, kindAddress}
	case 10:
		return number(slotIngress)
	case 11:
		return number(slotDestinationPort)
	case 12, 28:
		return element{slotDestination, kindAddress}
	case 14:
		return number(slotEgress)
	case 15, 62:
		return element{slotNextHop, kindAddress}
	case 16:
		return number(slotSourceAS)
	case 17:
		return number(slotDestinationAS)
	case 18, 63:
		return element{slotBGPNextHop, kindAddress}
	case 21:
		return number(slotEndUptime)
	case 22:
		return number(slotStartUptime)
	case 23:
		return number(slotOutOctets)
	case 24:
		return number(slotOutPackets)
	case 34:
		return number(slotSamplingInterval)
	case 48, 302:
		return number(slotSamplerID)
	case 50:
		return number(slotRandomInterval)
	case 56:
		return number(slotSourceMAC)
	case 57:
		return number(slotPostDestinationMAC)
	case 58:
		return number(slotVLAN)
	case 59:
		return number(slotPostVLAN)
	case 61:
		return number(slotDirection)
	case 80:
		return number(slotDestinationMAC)
	case 85:
		return number(slotTotalOctets)
	case 86:
		return number(slotTotalPackets)
	case 95:
		return number(slotApplicationID)
	case 96:
		return element{slotApplicationName, kindText}
	case 150:
		return element{slotStart, kindSeconds}
	case 151:
		return element{slotEnd, kindSeconds}
	case 152:
		return number(slotStart)
	case 153:
		return number(slotEnd)
	case 154, 156:
		return element{slotStart, kindNTP}
	case 155, 157:
		return element{slotEnd, kindNTP}
	case 158:
		return element{slotStartDelta, kindMicros}
	case 159:
		return element{slotEndDelta, kindMicros}
	case 160:
		return number(slotSystemInit)
	case 161:
		return number(slotDuration)
	case 162:
		return element{slotDuration, kindMicros}
	case 180, 182:
		return number(slotTransportSourcePort)
	case 181, 183:
		return number(slotTransportDestinationPort)
	case 225, 281:
		return element{slotNATSource, kindAddress}
	case 226, 282:
		return element{slotNATDestination, kindAddress}
	case 227:
		return number(slotNATSourcePort)
	case 228:
		return number(slotNATDestinationPort)
	case 230:
		return number(slotNATEvent)
	case 231:
		return number(slotInitiatorOctets)
	case 232:
		return number(slotResponderOctets)
	case 243:
		return number(slotDot1qVLAN)
	case 252:
		return number(slotIngressPhysical)
	case 253:
		return number(slotEgressPhysical)
	case 254:
		return number(slotPostDot1qVLAN)
	case 298:
		return number(slotInitiatorPackets)
	case 299:
		return number(slotResponderPackets)
	case 305:
		return number(slotPacketInterval)
	case 306:
		return number(slotPacketSpace)
	case 309:
		return number(slotSamplingSize)
	case 310:
		return number(slotPopulation)
	case 311:
		return element{slotProbability, kindProbability}
	case 322:
		return element{slotObserved, kindSeconds}
	case 323:
		return number(slotObserved)
	case 324, 325:
		return element{slotObserved, kindNTP}
	case 460:
		return element{slotDomainName, kindText}
	case 3, 9, 13, 25, 26, 29, 30, 31, 32, 33, 35, 36, 37, 40, 41, 42, 45, 46, 47, 49, 52, 53, 54, 55, 60,
		64, 70, 71, 72, 81, 82, 83, 84, 88, 89, 90, 94, 128, 129, 130, 131, 136, 138, 139, 141, 142, 143, 144,
		145, 146, 147, 148, 149, 176, 177, 178, 179, 184, 185, 186, 187, 188, 189, 190, 192, 193, 194, 195,
		196, 197, 204, 210, 211, 212, 213, 214, 215, 216, 224, 229, 233, 234, 235, 236, 237, 239, 244, 245,
		256, 301, 303, 304, 346, 351,
		// mobileIMSI and mobileMSISDN are let go on purpose: identity stays with the operator.
		455, 456:
		return element{kind: kindIgnored}
	}
	return element{}
}

// lookupReverse is for RFC 5103's reverse elements.
func lookupReverse(id uint16) element {
	switch id {
	case 1:
		return element{slotReverseOctets, kindNumber}
	case 2:
		return element{slotReversePackets, kindNumber}
	case 85:
		return element{slotReverseTotalOctets, kindNumber}
	case 86:
		return element{slotReverseTotalPackets, kindNumber}
	}
	return element{kind: kindIgnored}
}

// lookupVendor is for numbers from 32768 that vendors took for themselves in v9.
func lookupVendor(id uint16) element {
	switch id {
	case 40001: // Cisco ASA: NF_F_XLATE_SRC_ADDR_IPV4 and its fellows
		return element{slotNATSource, kindAddress}
	case 40002:
		return element{slotNATDestination, kindAddress}
	case 40003:
		return element{slotNATSourcePort, kindNumber}
	case 40004:
		return element{slotNATDestinationPort, kindNumber}
	case 33000, 33001, 33002, 40000, 40005: // ASA: access lists, user name, event
		return element{kind: kindIgnored}
	case 56701: // Palo Alto: App-ID
		return element{slotApplicationName, kindText}
	case 56702: // Palo Alto: User-ID, identity
		return element{kind: kindIgnored}
	case 57591: // nProbe: L7_PROTO_NAME
		return element{slotApplicationName, kindText}
	case 57659, 57660: // nProbe: HTTP_HOST, TLS_SERVER_NAME
		return element{slotDomainName, kindText}
	}
	return element{}
}

// Scopes of v9's options templates (RFC 3954, 6.1) are numbered on their own.
const scopeInterface = 2

// lookupScope is for the scope fields of an options template.
func lookupScope(version uint16, enterprise uint32, id uint16) element {
	if version == versionNetFlow9 && id <= 5 {
		if id == scopeInterface {
			return element{slotIngress, kindNumber}
		}
		return element{kind: kindIgnored}
	}
	return lookup(version, enterprise, id)
}
