// Package reporter serves the web page and the API that answer which vendor's handsets send how
// much to which place, week by week. It asks its questions through the Queries interface.
//
// It must not know SQL, Kafka, or how an attribution was reached; it shows what the answers say,
// unknown and randomised included.
package reporter
