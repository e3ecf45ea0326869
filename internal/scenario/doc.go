// Package scenario plays the scenario "migration": simulated exporters send twelve weeks of a mobile
// network's flow history over UDP, in which the traffic of one vendor's handsets moves from Beijing
// to Oregon and Singapore while the others' stays, and then go on live. It writes the truth beside
// it: what a system that counts right must show, by vendor, place and week.
//
// What is sent depends on the seed, the sizes and the city table only (on one machine architecture:
// sizes come from floating-point tables); the live part also on the clock.
//
// sFlow has no absolute time, a packet's time is when its datagram arrives; so the sFlow exporter
// takes part in the live phase only.
//
// The truth must stay independent of what it judges: this package reads the city table's raw records
// itself and must not know internal/geo, internal/device, internal/netflow or any service.
package scenario
