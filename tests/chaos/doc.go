// Package chaos breaks a whole Landfall while known traffic runs through it, and then compares every
// table with what was sent, to the byte.
//
// The parts are real: processes of the landfall binary, one for each role, the embedded broker or
// Apache Kafka, the ClickHouse engine. Two kinds of senders run: simulated exporters, whose datagrams
// reach the collector without loss, and writers that play collectors which are killed and write a batch
// twice. A seeded schedule kills, freezes, adds and removes processes, cuts connections at any byte,
// and lets servers refuse. The soak command is the long form, the package's test the short one.
package chaos
