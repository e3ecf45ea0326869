package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/policy"
)

func policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", GroupID: "setup", Args: cobra.NoArgs,
		Short: "Check a policy file, and ask it",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(policyCheckCommand(), policyExplainCommand())
	return cmd
}

func policyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Args: cobra.ExactArgs(1),
		Short: "Say what is wrong with a policy file, or what it holds",
		Long: `Read a policy file as the services do. Faults are told with file and line; rows that contradict each
other with both lines.`,
		Example: "  landfall policy check deploy/policies/example-india.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := policy.Load(args[0])
			if err != nil {
				return err
			}
			kind := ""
			if p.Example {
				kind = " (an example, not legal advice)"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: version %s%s: %d jurisdictions, %d rules, %d dates at which an answer changes\nsha256 %s\n",
				args[0], p.Version, kind, len(p.Jurisdictions), len(p.Rules), len(p.Changes()), p.SHA256)
			return err
		},
	}
}

// explained is the form of an explanation in JSON.
type explained struct {
	Policy       string `json:"policy"`
	Version      string `json:"version"`
	Example      bool   `json:"example"`
	Vendor       string `json:"vendor"`
	Place        string `json:"place"`
	At           string `json:"at"`
	Jurisdiction string `json:"jurisdiction"`
	Verdict      string `json:"verdict"`
	PlacedBy     *row   `json:"placed_by"`  // null: a country of its own
	DecidedBy    *row   `json:"decided_by"` // null: the default
	// What is said holds from Since to before Until; empty: open.
	Since string `json:"since"`
	Until string `json:"until"`
}

// row is a row of the policy file.
type row struct {
	Line      int    `json:"line"`
	What      string `json:"what"`
	Reference string `json:"reference"`
}

func policyExplainCommand() *cobra.Command {
	var f struct{ vendor, place, at, format string }
	cmd := &cobra.Command{
		Use: "explain FILE", Args: cobra.ExactArgs(1),
		Short: "Say what a policy makes of a vendor, a place and a time, and which row says so",
		Example: "  landfall policy explain deploy/policies/example-eu.yaml --vendor Xiaomi --place CN-BJ --at 2026-03-01\n" +
			"  landfall policy explain deploy/policies/example-eu.yaml --vendor Xiaomi --place aws/us-west-2 --format json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.format != "table" && f.format != "json" {
				return fmt.Errorf("--format: %q is not table or json", f.format)
			}
			where, ok := policy.ParseWhere(f.place)
			if !ok {
				return fmt.Errorf("--place: %q is no ISO 3166-1 or 3166-2 code, nor provider/region of a cloud", f.place)
			}
			at, err := parseTime(f.at, time.Now())
			if err != nil {
				return fmt.Errorf("--at: %w", err)
			}
			p, err := policy.Load(args[0])
			if err != nil {
				return err
			}
			x := explainPolicy(p, f.vendor, f.place, where, at)
			if f.format == "json" {
				return writeIndented(cmd.OutOrStdout(), x)
			}
			return writeExplained(cmd.OutOrStdout(), x)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.vendor, "vendor", policy.Any, "vendor of the handset")
	flags.StringVar(&f.place, "place", "", "where it sends to: CN, CN-BJ or aws/us-west-2")
	flags.StringVar(&f.at, "at", "now", "when: a date (2026-09-01), a time or how long ago (7d)")
	flags.StringVar(&f.format, "format", "table", "form of the answer: table or json")
	_ = cmd.MarkFlagRequired("place")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func explainPolicy(p *policy.Policy, vendor, place string, where policy.Where, at time.Time) explained {
	e := p.Explain(vendor, where, at)
	x := explained{
		Policy: p.Name, Version: p.Version, Example: p.Example, Vendor: vendor, Place: place, At: at.Format(time.RFC3339),
		Jurisdiction: e.Jurisdiction, Verdict: policy.VerdictName(e.Verdict), Since: instant(e.Around.From), Until: instant(e.Around.Until),
	}
	if j := e.Placed; j != nil {
		x.PlacedBy = &row{j.Line, j.Name + " " + j.Period.String(), j.Reference}
	}
	switch {
	case e.Home != nil:
		x.DecidedBy = &row{e.Home.Line, "home: " + e.Home.Name, ""}
	case e.Rule != nil:
		r := e.Rule
		x.DecidedBy = &row{r.Line, fmt.Sprintf("vendor %s, jurisdiction %s: %s %s", all(r.Vendors), all(r.Jurisdictions), policy.VerdictName(r.Verdict), r.Period), r.Reference}
	}
	return x
}

func all(names []string) string {
	if names == nil {
		return policy.Any
	}
	return strings.Join(names, ", ")
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func writeExplained(out io.Writer, x explained) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", what, fmt.Sprintf(format, args...)) }
	example := ""
	if x.Example {
		example = ", an example and not legal advice"
	}
	line("policy", "%s, version %s%s", x.Policy, x.Version, example)
	line("asked", "vendor %s, place %s, at %s", x.Vendor, x.Place, x.At)
	if p := x.PlacedBy; p != nil {
		line("jurisdiction", "%s", x.Jurisdiction)
		line("", "line %d: %s; %s", p.Line, p.What, p.Reference)
	} else if x.Jurisdiction != "" {
		line("jurisdiction", "%s (no row places it: a jurisdiction of its own)", x.Jurisdiction)
	} else {
		line("jurisdiction", "unknown")
	}
	line("verdict", "%s", x.Verdict)
	switch d := x.DecidedBy; {
	case d == nil && x.Jurisdiction == "":
		line("", "what is not placed is indeterminate")
	case d == nil:
		line("", "no rule speaks of it: the default")
	case d.Reference == "":
		line("", "line %d: %s", d.Line, d.What)
	default:
		line("", "line %d: %s", d.Line, d.What)
		line("", "%s", d.Reference)
	}
	switch {
	case x.Since != "" && x.Until != "":
		line("unchanged", "from %s until %s", x.Since, x.Until)
	case x.Since != "":
		line("unchanged", "from %s", x.Since)
	case x.Until != "":
		line("unchanged", "until %s", x.Until)
	}
	return w.Flush()
}
