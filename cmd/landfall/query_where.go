package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// dimensionNames are those of all dimensions of a figure.
func dimensionNames() []string {
	var out []string
	for _, d := range query.Dimensions() {
		out = append(out, string(d))
	}
	return out
}

// conditionList is a flag of conditions. Unlike the other lists it is not split at commas: each use is
// one condition.
type conditionList struct{ into *[]query.Condition }

var conditionForm = regexp.MustCompile(`(?s)^([a-z_]+)(=~|!~|!=|=)(.+)$`)

func (l *conditionList) Type() string   { return "condition" }
func (l *conditionList) String() string { return "" }
func (l *conditionList) Set(s string) error {
	parts := conditionForm.FindStringSubmatch(s)
	if parts == nil {
		return fmt.Errorf("%q is not a condition (verdict=restricted, place!=CN-BJ,SG, cloud_region=~'aws .*' or asn!~'645.*')", s)
	}
	c := query.Condition{Dimension: query.Dimension(parts[1]), Not: parts[2][0] == '!'}
	if strings.HasSuffix(parts[2], "~") {
		c.Match = parts[3]
	} else {
		c.Values = strings.Split(parts[3], ",")
	}
	*l.into = append(*l.into, c)
	return nil
}

func conditionFlag(cmd *cobra.Command, into *[]query.Condition) {
	cmd.Flags().Var(&conditionList{into}, "where",
		"only where a dimension is (=), is not (!=), matches as a whole (=~) or does not match (!~): verdict=restricted, place!=CN-BJ,SG, cloud_region=~'aws .*'; all of several")
	var begins []string
	for _, d := range dimensionNames() {
		begins = append(begins, d+"=")
	}
	_ = cmd.RegisterFlagCompletionFunc("where", cobra.FixedCompletions(begins, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
}

// hoursFlag is a flag of hours of the day.
type hoursFlag struct{ into **query.Hours }

var hoursForm = regexp.MustCompile(`^(\d{1,2})-(\d{1,2})(?:@(\S+))?$`)

func (h *hoursFlag) Type() string   { return "hours" }
func (h *hoursFlag) String() string { return "" }
func (h *hoursFlag) Set(s string) error {
	parts := hoursForm.FindStringSubmatch(s)
	if parts == nil {
		return fmt.Errorf("%q are not hours of the day (9-17, or 22-6@Asia/Kolkata)", s)
	}
	from, _ := strconv.Atoi(parts[1]) // two digits
	to, _ := strconv.Atoi(parts[2])
	*h.into = &query.Hours{From: from, To: to, Location: parts[3]}
	return nil
}

// filterFlags are those of questions about remote ends and what is like them.
func filterFlags(cmd *cobra.Command, f *query.Filter) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.Vendors, "vendor", nil, "only handsets of these vendors")
	flags.StringSliceVar(&f.Places, "place", nil, "only in these places (ISO 3166-2 or 3166-1 codes, such as CN-BJ or SG)")
	flags.StringSliceVar(&f.Countries, "country", nil, "only in these countries (ISO 3166-1 codes)")
	asnFlag(cmd, &f.ASNs)
	flags.Var(&prefixList{&f.Networks}, "network", "only remote addresses in these prefixes (203.0.113.0/24)")
	whereFlags(cmd, &f.Operators, &f.Sites)
	conditionFlag(cmd, &f.Where)
}
