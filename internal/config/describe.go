package config

import (
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
)

// Write prints the whole configuration as YAML. Secrets are redacted.
func Write(w io.Writer, config any) error {
	return yaml.NewEncoder(w, yaml.IndentSequence(true)).Encode(config)
}

// Diff prints the settings of config that differ from those of defaults, a line each.
func Diff(w io.Writer, config, defaults any) error {
	was := make(map[string]string)
	for _, f := range Fields(defaults) {
		was[f.Path] = f.Default
	}
	for _, f := range Fields(config) {
		if f.Default == was[f.Path] {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s  # default %s\n", f.Path, f.Default, was[f.Path]); err != nil {
			return err
		}
	}
	return nil
}

// Markdown writes a table of the settings for each top-level section, for docs/configuration.md.
func Markdown(w io.Writer, defaults any) error {
	section := "\x00"
	for _, f := range Fields(defaults) {
		first, _, nested := strings.Cut(f.Path, ".")
		if !nested {
			first = "general"
		}
		if first != section {
			section = first
			if _, err := fmt.Fprintf(w, "\n## %s\n\n| setting | default | what it is |\n| --- | --- | --- |\n", section); err != nil {
				return err
			}
		}
		def := f.Default
		if def == "" || def == `""` {
			def = " "
		}
		if _, err := fmt.Fprintf(w, "| `%s` (%s) | `%s` | %s |\n", f.Path, f.Type, def, f.Doc); err != nil {
			return err
		}
	}
	return nil
}
