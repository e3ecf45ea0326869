// Package netflow decodes NetFlow v5 and v9 and IPFIX datagrams into flow records.
//
// It knows the wire formats (Cisco's v5 layout, RFC 3954, RFC 7011, IANA's IPFIX registry) and
// what a collector must remember of an exporter: templates, samplers, application names, sequence
// numbers. It does no I/O, starts nothing, reads no clock, and knows nothing of metrics or Kafka.
//
// The parsing itself is goflow2's (decoders/netflow and decoders/netflowlegacy), one set and one
// record at a time behind checks of our own, so that a bad set, template or record costs only
// itself. Which element becomes which column is decided here, once for each template.
package netflow
