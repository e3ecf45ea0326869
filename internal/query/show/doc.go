// Package show writes answers of internal/query: tables for people, JSON and CSV for programs. It knows
// nothing of SQL or of how an answer was reached, and works out no figure of its own but the sums of a
// table's foot.
package show
