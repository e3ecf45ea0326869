package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// where reads a folder of files with names of their own, and asks about addresses of all kinds.
func TestWhere(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"aws":     `{"syncToken":"1","createDate":"2026-08-22-15-17-05","prefixes":[{"ip_prefix":"52.94.76.0/22","region":"us-west-2","service":"AMAZON","network_border_group":"us-west-2"}],"ipv6_prefixes":[]}`,
		"anycast": "1.1.1.0/24,1.1.1.0\n",
		"as":      "1.1.1.0,1.1.1.255,13335,Cloudflare\n52.94.76.0,52.94.79.255,16509,Amazon\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(in string, args ...string) (string, error) {
		root := rootCommand()
		var out bytes.Buffer
		root.SetIn(strings.NewReader(in))
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs(append([]string{"where", "--data", dir}, args...))
		err := root.Execute()
		return out.String(), err
	}
	in := "52.94.76.1\n\n# a comment\n::ffff:1.1.1.1\n10.0.0.1\n9.9.9.9\nnonsense\n"
	out, err := run(in, "--format", "json")
	if err == nil || !strings.Contains(err.Error(), "1 of the addresses") {
		t.Errorf("the error is %v, want one about one address", err)
	}
	var got []string
	for line := range strings.Lines(out) {
		var a whereAnswer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got = append(got, strings.Join([]string{a.Address, a.Subdivision, a.CloudProvider, a.CloudRegion, a.Organization, a.Method, a.Confidence, a.Reason, a.Error}, " "))
	}
	want := []string{
		"52.94.76.1 US-OR aws us-west-2 Amazon cloud_range published  ",
		"::ffff:1.1.1.1    Cloudflare anycast indeterminate anycast ",
		"10.0.0.1     none indeterminate private ",
		"9.9.9.9     none indeterminate not_in_table ",
		"nonsense        not an IP address",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("answers\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	out, err = run("", "52.94.76.1", "1.1.1.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"US-OR", "▸ aws", "52.94.76.0/22", "▸ anycast", "AS13335 Cloudflare"} {
		if !strings.Contains(out, part) {
			t.Errorf("%q is not in\n%s", part, out)
		}
	}
	if _, err := run("", "--data", filepath.Join(dir, "none"), "1.1.1.1"); err == nil || !strings.Contains(err.Error(), "landfall data update") {
		t.Errorf("without data the error is %v, which does not say what to do", err)
	}
}
