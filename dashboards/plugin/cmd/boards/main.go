// Command boards writes the dashboards as files, or with -check says which file is not what it would
// write. Run it in the folder that the flag -dir counts from:
//
//	go run ./dashboards/plugin/cmd/boards -dir dashboards/json
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/boards"
)

func main() {
	dir := flag.String("dir", "dashboards/json", "the folder of the dashboards")
	check := flag.Bool("check", false, "compare, write nothing")
	flag.Parse()
	if err := run(*dir, *check); err != nil {
		fmt.Fprintln(os.Stderr, "boards:", err)
		os.Exit(1)
	}
}

func run(dir string, check bool) error {
	want := make(map[string][]byte)
	for _, d := range boards.All() {
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(d); err != nil {
			return err
		}
		want[filepath.Join(dir, d.UID+".json")] = text.Bytes()
	}
	have, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	for _, file := range have {
		if want[file] == nil {
			return fmt.Errorf("%s is no dashboard of internal/boards", file)
		}
	}
	if !check {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for file, text := range want {
		if check {
			if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, text) {
				return fmt.Errorf("%s is not what internal/boards says: run `make generate`", file)
			}
		} else if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
