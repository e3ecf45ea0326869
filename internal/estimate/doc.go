// Package estimate says how sure a total is that was estimated from sampled packets: the 95 % interval
// of bytes, of packets and of a share. It computes from sums that a query has already made, does no
// I/O, and knows nothing of flows, tables or places.
//
// # Method
//
// An exporter that samples one packet in N shows of a flow B octets in P packets; N·B estimates what
// was sent. Each packet is seen or not, so the estimate of a sum over any flows is a sum of nearly
// Poisson counts with weights: N times the size of the packet. Its variance, estimated from what was
// seen, is Σ N(N−1)s² over the observed packets of size s. The sizes are not in the records, but
//
//	B²/P ≤ Σ s² ≤ largest packet · B
//
// per flow. The upper end is taken: the lower is right only if all packets of a flow have one size, and
// an interval from it covers too little (the test shows how little).
//
// The interval is the gamma interval for weighted sums of Poisson counts of Fay and Feuer, "Confidence
// intervals for directly standardized rates: a method based on the gamma distribution", Statistics in
// Medicine 16 (1997) 791–801, with y the sampled part of the total, v its variance and w the largest
// weight:
//
//	low  = quantile 2.5 % of the gamma distribution with mean y and variance v
//	high = quantile 97.5 % of the gamma distribution with mean y + w and variance v + w²
//
// With equal weights it is the exact Poisson interval of Garwood (1936). The weight is the largest packet
// times −1/ln(1 − 1/N), which is N − ½ in good approximation, as √(N(N−1)) in the variance is: that
// is the correction for what was seen itself. It is 0 for N = 1, and nothing observed at 1 in N gives
// ln 40 = 3.69 times it, which is exact: the most packets of which none is seen with a probability of
// 2.5 %. (The rule of three is the same for 5 %, ln 20 = 3.00, where there is no other side.)
package estimate
