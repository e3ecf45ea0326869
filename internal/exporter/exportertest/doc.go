// Package exportertest reads what simulated exporters send, with goflow2's decoders and nothing of
// ours: an independent count for tests. It is for tests only and checks as it reads: sequence
// numbers, lengths, paddings, options. Any departure is an error.
package exportertest
