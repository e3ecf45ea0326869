package query

import "time"

// NewSince asks for the remote ends that handsets first contacted in a time.
type NewSince struct {
	// Filter: with vendors, new is what none of their handsets had contacted before; without, what
	// nobody's had. An address or network is not new for a place or AS that it was not said to be in
	// before.
	Filter
	// EachVendor: new is what is new to one vendor's handsets, and rows are by vendor.
	EachVendor bool
	Unit       Unit // empty: UnitAddress
	// Since (included) and Until (excluded) bound the first contact; zero Until: open. Since must be
	// given. The figures are of the whole days that the time touches.
	Since, Until time.Time
	Order        EndpointOrder
	Top          int // how many rows; 0: 100
}

// NewSinceAnswer has its rows in the question's order.
type NewSinceAnswer struct {
	Question NewSince `json:"-"`
	Basis
	Rows []EndpointRow `json:"rows"`
	About
}
