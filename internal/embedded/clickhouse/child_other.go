//go:build !linux

package clickhouse

import (
	"fmt"
	"os"
)

// ChildMain runs the engine; so far only Linux has what it needs (a private
// pseudo terminal and a child that ends with its parent).
func ChildMain([]string) int {
	fmt.Fprintf(os.Stderr, "landfall %s: %v\n", ChildCommand, errPlatform)
	return 1
}
