// Package broker runs a single-node Kafka broker inside the landfall process,
// on a loopback address, with its messages and committed offsets on disk. It
// is franz-go's kfake, which speaks the real protocol, with what a long-lived
// service needs around it:
//
//   - bounds: messages that every consumer group has read are deleted, unread
//     ones never are; a topic that is full refuses new ones with an error that
//     producers retry;
//   - a guard on the listener, because a stray client that speaks something
//     else would end the process;
//   - a start after a crash that first repairs what a torn write left.
//
// Not in it: transactions across a crash, log compaction, TLS, logins, more
// than one node.
//
// This package must not know topics, messages or services: to them it is a
// Kafka broker at an address.
package broker
