package panel

import "fmt"

// plural is a number of things.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func is(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
