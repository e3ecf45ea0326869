// Package reprocess computes past days anew from the stored flows under other data sets, into a
// revision of their own. What is read does not change until the new figures are whole and checked;
// then it changes at once.
//
// Only where a flow went is judged anew: place, network and how they are known. The vendor stays as
// it is, because what it was judged by (the MAC address) is not kept, and so does the verdict. A
// remote address that is not kept (a flow between two handsets) keeps its place.
//
// It knows the tables and where addresses are, and nothing of Kafka: whoever calls it says whether
// inserts are still under way.
package reprocess
