// Package audit compares the sums of the tables that an insert of flows ends up in, day by day. They
// are fed by one another and must be equal to the byte; where they are not, rows were lost or doubled
// between them.
//
// It reads the tables as they are and knows nothing of what a question counts, nor of Kafka.
package audit
