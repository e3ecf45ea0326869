package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/dataset"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/policy"
)

func whereCommand(o *options) *cobra.Command {
	var f struct {
		at, format, data, policy string
		sources                  bool
	}
	cmd := &cobra.Command{
		Use: "where [ADDRESS…]", GroupID: "ask",
		Short: "Say where addresses are, and which source says so",
		Long: `Say where addresses are, what every source says of them, which rule decided and from which versions.

Addresses come as arguments, or one a line on standard input. For those of standard input only the result is
printed, unless --sources is given: it takes some milliseconds an address. Nothing has to be running: the data
sets are read from data_dir, the newest or those that were in force --at a time, or from any folder that --data
names.`,
		Example: "  landfall where 52.95.110.1 1.1.1.1 2001:db8::1\n" +
			"  landfall where --at 2026-06-01 --format json 47.88.0.1\n" +
			"  cut -d, -f1 flows.csv | landfall where --format json --data ./lists",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.format != "table" && f.format != "json" {
				return fmt.Errorf("--format: %q is not table or json", f.format)
			}
			at, sets := time.Now(), newest
			if f.at != "" {
				var err error
				if at, err = parseTime(f.at, at); err != nil {
					return fmt.Errorf("--at: %w", err)
				}
				sets = at
			}
			c, err := loadConfig(o)
			if err != nil {
				return err
			}
			var files geo.Files
			if f.data != "" {
				files, err = placeFiles(f.data, sets)
			} else if err = c.requireData(roleEnricher); err == nil {
				files, err = c.Enricher.PlaceFiles(sets)
			}
			if err != nil {
				return err
			}
			w := &whereAsker{at: at, sources: f.sources || len(args) > 0}
			files.Evidence = w.sources
			if w.table, err = geo.Open(files); err != nil {
				return err
			}
			if f.policy == "" {
				f.policy = c.Enricher.PolicyPath
			}
			if f.policy != "" {
				if w.policy, err = policy.Load(f.policy); err != nil {
					return err
				}
			}
			if f.format == "json" {
				return w.json(cmd.OutOrStdout(), addresses(args, cmd.InOrStdin()))
			}
			return w.print(cmd.OutOrStdout(), addresses(args, cmd.InOrStdin()))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.at, "at", "", "by the data sets that were in force then: a date (2026-09-01), a time or how long ago (7d); default: by the newest")
	flags.StringVar(&f.data, "data", "", "folder of data files, recognised by their content, whatever they are called (default: data_dir)")
	flags.StringVar(&f.policy, "policy", "", "policy file, to say the jurisdiction, too (default: enricher.policy_path)")
	flags.BoolVar(&f.sources, "sources", false, "what every source says, also for addresses of standard input")
	flags.StringVar(&f.format, "format", "table", "form of the answer: table, or json with one object a line")
	complete(cmd, "format", "table", "json")
	return cmd
}

// newest is a time at which the last data sets are in force, also those of a minute ago.
var newest = time.Unix(1<<40, 0)

// placeFiles finds what places are made of: the sets that `landfall data update` keeps in a folder, as
// they were in force at a time, or else whatever data files lie there.
func placeFiles(dir string, at time.Time) (geo.Files, error) {
	eras, err := dataset.InForce(dir)
	if err != nil {
		return geo.Files{}, err
	}
	var files geo.Files
	for i, e := range eras {
		if i > 0 && e.Since.After(at) {
			break
		}
		if files, err = e.Files(); err != nil {
			return geo.Files{}, err
		}
	}
	if len(files.City)+len(files.ASN)+len(files.Cloud)+len(files.Anycast) > 0 || files.Overrides != "" {
		return files, nil
	}
	files, err = geo.Find(dir)
	if errors.Is(err, os.ErrNotExist) {
		return files, fmt.Errorf("there is no folder %s: `landfall data update` fetches the data sets", dir)
	}
	return files, err
}

// addresses yields the arguments, or the lines of in without the blank ones and comments.
func addresses(args []string, in io.Reader) func(func(string, error) bool) {
	return func(yield func(string, error) bool) {
		for _, a := range args {
			if !yield(a, nil) {
				return
			}
		}
		if len(args) > 0 {
			return
		}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			line := strings.TrimSpace(lines.Text())
			if line == "" || line[0] == '#' {
				continue
			}
			if !yield(line, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield("", fmt.Errorf("read addresses: %w", err))
		}
	}
}

type whereAsker struct {
	table   *geo.Table
	policy  *policy.Policy // nil: none
	at      time.Time
	sources bool
}

// whereAnswer is the form of an answer in JSON. What is not known is empty, and said to be.
type whereAnswer struct {
	Address         string `json:"address"` // as it was given
	Error           string `json:"error,omitempty"`
	Country         string `json:"country"`     // ISO 3166-1 alpha-2
	Subdivision     string `json:"subdivision"` // ISO 3166-2
	SubdivisionName string `json:"subdivision_name"`
	City            string `json:"city"`
	CloudProvider   string `json:"cloud_provider"`
	CloudRegion     string `json:"cloud_region"`
	ASN             uint32 `json:"asn"` // 0: unknown
	Organization    string `json:"as_organization"`
	Method          string `json:"method"`
	Confidence      string `json:"confidence"`
	// Reason says why there is no place.
	Reason string `json:"reason,omitempty"`
	// Alternatives are the places that sources say otherwise, where they dispute it.
	Alternatives []string `json:"alternatives,omitempty"`
	Jurisdiction string   `json:"jurisdiction,omitempty"`
	// Rule decided: anycast, override, cloud, city, none, or special: and the reason.
	Rule    string        `json:"rule,omitempty"`
	Sources []whereSource `json:"sources,omitempty"`
}

type whereSource struct {
	Set          string `json:"set"`
	Version      string `json:"version,omitempty"`
	Country      string `json:"country,omitempty"`
	Subdivision  string `json:"subdivision,omitempty"`
	City         string `json:"city,omitempty"`
	CloudRegion  string `json:"cloud_region,omitempty"`
	ASN          uint32 `json:"asn,omitempty"`
	Organization string `json:"as_organization,omitempty"`
	Note         string `json:"note,omitempty"`
	Decided      bool   `json:"decided,omitempty"`
}

func (w *whereAsker) ask(text string) whereAnswer {
	out := whereAnswer{Address: text}
	address, err := netip.ParseAddr(text)
	if err != nil {
		out.Error = "not an IP address"
		return out
	}
	e := geo.Evidence{}
	if w.sources {
		e = w.table.Evidence(address)
		out.Rule = e.Rule
	} else {
		e.Answer = w.table.Lookup(address)
	}
	a := e.Answer
	out.Method, out.Confidence, out.Reason = a.Method.String(), a.Confidence.String(), a.Reason.String()
	if p := a.Place; p != nil {
		out.Country, out.Subdivision, out.SubdivisionName, out.City = p.CountryCode, p.SubdivisionCode, p.SubdivisionName, p.City
		out.CloudProvider, out.CloudRegion = p.CloudProvider, p.CloudRegion
	}
	if a.AS != nil {
		out.ASN, out.Organization = a.AS.Number, a.AS.Organization
	}
	for _, p := range a.Alternatives {
		out.Alternatives = append(out.Alternatives, p.Code())
	}
	if w.policy != nil {
		where := policy.Where{Country: out.Country, Subdivision: out.Subdivision, Provider: out.CloudProvider, Region: out.CloudRegion}
		out.Jurisdiction, _ = w.policy.Judge(policy.Any, where, w.at)
	}
	for _, s := range e.Sources {
		from := whereSource{Set: s.Set, Version: s.Version, Note: s.Note, Decided: s.Decided}
		if s.Place != nil {
			from.Country, from.Subdivision, from.City, from.CloudRegion = s.Place.CountryCode, s.Place.SubdivisionCode, s.Place.City, s.Place.CloudRegion
		}
		if s.AS != nil {
			from.ASN, from.Organization = s.AS.Number, s.AS.Organization
		}
		out.Sources = append(out.Sources, from)
	}
	return out
}

// each asks about all addresses; one that is none is said in its place, and ends the command with
// exit code 1 when all are through.
func (w *whereAsker) each(all func(func(string, error) bool), say func(whereAnswer) error) error {
	bad := 0
	for text, err := range all {
		if err != nil {
			return err
		}
		answer := w.ask(text)
		if answer.Error != "" {
			bad++
		}
		if err := say(answer); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of the addresses are none", bad)
	}
	return nil
}

func (w *whereAsker) json(out io.Writer, all func(func(string, error) bool)) error {
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	return errors.Join(w.each(all, func(a whereAnswer) error { return encoder.Encode(a) }), buffered.Flush())
}

// print writes a table of the results and, below each, what the sources say.
func (w *whereAsker) print(out io.Writer, all func(func(string, error) bool)) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ADDRESS\tPLACE\tCLOUD\tAS\tMETHOD\tCONFIDENCE\tVERSION")
	err := w.each(all, func(a whereAnswer) error {
		if a.Error != "" {
			_, err := fmt.Fprintf(table, "%s\t%s\t\t\t\t\t\n", a.Address, a.Error)
			return err
		}
		confidence := a.Confidence
		if len(a.Alternatives) > 0 {
			confidence += ": or " + strings.Join(a.Alternatives, ", ")
		}
		if a.Reason != "" {
			confidence += ": " + a.Reason
		}
		if a.Jurisdiction != "" {
			confidence += "; jurisdiction " + a.Jurisdiction
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t\n", a.Address, placeText(a.Country, a.Subdivision, a.City),
			joined(a.CloudProvider, a.CloudRegion), asText(a.ASN, a.Organization), a.Method, confidence)
		for _, s := range a.Sources {
			mark := "  "
			if s.Decided {
				mark = "▸ "
			}
			fmt.Fprintf(table, "  %s%s\t%s\t%s\t%s\t%s\t\t%s\n", mark, s.Set, placeText(s.Country, s.Subdivision, s.City), s.CloudRegion,
				asText(s.ASN, s.Organization), s.Note, s.Version)
		}
		return nil
	})
	return errors.Join(err, table.Flush())
}

func placeText(country, subdivision, city string) string {
	code := country
	if subdivision != "" {
		code = subdivision
	}
	return joined(code, city)
}

func asText(number uint32, organization string) string {
	if number == 0 {
		return ""
	}
	return fmt.Sprintf("AS%d %s", number, organization)
}

func joined(parts ...string) string {
	return strings.TrimSpace(strings.Join(parts, " "))
}
