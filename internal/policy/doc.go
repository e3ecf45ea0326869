// Package policy says under which law a place is and what an operator's policy makes of it: a file of
// dated rows, place → jurisdiction, and (vendor, jurisdiction) → verdict, each with its reference.
//
// A policy is read whole, checked, and never changed after. Time is always the flow's own: nothing
// here asks the clock, and nothing knows of flows, tables of places or how a verdict is shown.
// The format is explained in docs/policy.md.
package policy
