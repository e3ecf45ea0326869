package cloud

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds what a list may call anything, in bytes. Names go into every
// enriched batch, whose reader refuses long ones.
const maxName = 255

// checkName refuses what no table or page could show as it is: a name in
// another encoding than UTF-8, with control characters or with space around it.
func checkName(what, name string) error {
	switch {
	case len(name) > maxName:
		return fmt.Errorf("a %s of %d bytes, at most %d are read", what, len(name), maxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("%s %q is not in UTF-8", what, name)
	case strings.ContainsFunc(name, unicode.IsControl) || strings.TrimSpace(name) != name:
		return fmt.Errorf("%s %q has control characters, or space around it", what, name)
	}
	return nil
}
