package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/query/show"
)

// residencyFlags are those of a residency question and of a comparison of two.
type residencyFlags struct {
	question query.Residency
	by       []string
	shareOf  []string
	revision int
}

func (f *residencyFlags) add(cmd *cobra.Command) {
	dimensions := dimensionNames()
	q, flags := &f.question, cmd.Flags()
	flags.StringSliceVar(&q.Vendors, "vendor", nil, "only these vendors")
	flags.StringSliceVar(&q.Places, "place", nil, "only these places (ISO 3166-2 or 3166-1 codes, such as CN-BJ or SG)")
	flags.StringSliceVar(&q.Countries, "country", nil, "only these countries (ISO 3166-1 codes)")
	flags.StringSliceVar(&q.Jurisdictions, "jurisdiction", nil, "only places under these legal regimes, as the policy names them, or \"unknown\"")
	flags.StringSliceVar(&q.Verdicts, "verdict", nil, "only what the policy says this of: "+strings.Join(query.Verdicts(), ", "))
	flags.StringSliceVar(&q.Confidences, "confidence", nil, "only places known with this confidence: "+strings.Join(query.Confidences(), ", "))
	asnFlag(cmd, &q.ASNs)
	whereFlags(cmd, &q.Operators, &q.Sites)
	flags.StringSliceVar(&f.by, "by", []string{"place"}, "break down by: "+strings.Join(dimensions, ", "))
	flags.StringSliceVar(&f.shareOf, "share-of", nil, "shares are of the bytes with the same values of these, which are among --by; without: of all")
	conditionFlag(cmd, &q.Where)
	flags.Var(&hoursFlag{&q.Hours}, "hours", "only flows that start in these hours of the day, UTC or a time zone's (9-17, 22-6@Asia/Kolkata)")
	flags.IntVar(&q.Top, "top", 0, "only the most; the rest is added up as \"other\" (0: all)")
	flags.IntVar(&q.MinHandsets, "min-handsets", 0, "withhold figures of fewer handsets than that, and what would give them away; whole days only (0: none)")
	flags.IntVar(&f.revision, "revision", -1, "figures as they were with this correction; 0: as they came in (-1: as they are now)")
	complete(cmd, "by", dimensions...)
	complete(cmd, "share-of", dimensions...)
	complete(cmd, "verdict", query.Verdicts()...)
	complete(cmd, "confidence", query.Confidences()...)
}

func (f *residencyFlags) parse() error {
	for _, d := range f.by {
		f.question.By = append(f.question.By, query.Dimension(d))
	}
	for _, d := range f.shareOf {
		f.question.ShareOf = append(f.question.ShareOf, query.Dimension(d))
	}
	if f.revision < -1 || f.revision > math.MaxUint16 {
		return fmt.Errorf("--revision: %d is not the number of a revision (landfall query revisions lists them)", f.revision)
	}
	if f.revision >= 0 {
		r := uint16(f.revision)
		f.question.Revision = &r
	}
	return nil
}

// asnFlag takes numbers with or without "AS" before them.
func asnFlag(cmd *cobra.Command, into *[]uint32) {
	cmd.Flags().Var(&asnList{into: into}, "asn", "only these autonomous systems (AS4134)")
}

func whereFlags(cmd *cobra.Command, operators, sites *[]string) {
	cmd.Flags().StringSliceVar(operators, "operator", nil, "only what the collectors of these operators counted")
	cmd.Flags().StringSliceVar(sites, "site", nil, "only what the collectors at these sites counted")
}

func residencyCommand(a *asker) *cobra.Command {
	var f residencyFlags
	var t times
	var bucket string
	cmd := &cobra.Command{
		Use: "residency", Args: cobra.NoArgs,
		Short: "How many bytes handsets sent to which place, over time",
		Example: `  landfall query residency --vendor Xiaomi --by place --bucket week
  landfall query residency --by vendor,country --since 30d --top 20
  landfall query residency --by asn --since 2026-09-01 --until 2026-10-01 --format csv
  landfall query residency --by vendor,place --share-of vendor --where place!=CN-BJ --hours 22-6@Asia/Kolkata
  landfall query residency --vendor Xiaomi --bucket week --min-handsets 10 --explain`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(); err != nil {
				return err
			}
			q := f.question
			q.Bucket = query.Bucket(bucket)
			var err error
			if q.Since, q.Until, err = t.parse(); err != nil {
				return err
			}
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				answer, err := c.Residency(ctx, q)
				answer.Name(geo.Name)
				return reply{
					bases: []query.Basis{answer.Basis}, json: answer,
					table: func(w io.Writer, o show.Options) error { return show.Residency(w, answer, o) },
					csv:   func(w io.Writer) error { return query.WriteCSV(w, answer, geo.Name) },
				}, err
			})
		},
	}
	f.add(cmd)
	t.flags(cmd, "")
	cmd.Flags().StringVar(&bucket, "bucket", "total", "step of time: minute, hour, day, week (from Monday, UTC) or total")
	complete(cmd, "bucket", "minute", "hour", "day", "week", "total")
	return cmd
}
