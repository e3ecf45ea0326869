package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/dataset"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// movesShown is how many pairs of places an answer has at most.
const movesShown = 20

// dataDiff is what would change with other data sets. Bytes are counted both ways.
type dataDiff struct {
	FromDay    string  `json:"from_day"`
	ToDay      string  `json:"to_day"` // not included
	Addresses  uint64  `json:"addresses"`
	Bytes      uint64  `json:"bytes"`
	Moved      uint64  `json:"bytes_moved"` // to another country, subdivision or cloud region
	MovedShare float64 `json:"share_moved"`
	Places     []move  `json:"places"`     // most bytes first
	Confidence []move  `json:"confidence"` // likewise, of all bytes whose confidence changes
}

type move struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Bytes uint64 `json:"bytes"`
}

func dataDiffCommand(o *options, format *string) *cobra.Command {
	var from, versions map[string]string
	var fromDay, toDay string
	cmd := &cobra.Command{
		Use: "diff", Args: cobra.NoArgs,
		Short: "Say which share of last week's bytes would move with another version of a data set",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(from)+len(versions) == 0 {
				return errors.New("name what to compare with: --from city=FILE, or --version city=VERSION (landfall data list shows them)")
			}
			since, until, err := days(fromDay, toDay, time.Now())
			if err != nil {
				return err
			}
			c, err := readConfig(o)
			if err != nil {
				return err
			}
			old, other, err := bothTables(cmd.Context(), c.DataDir, from, versions, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			d := differ{old: old, other: other, places: map[[2]string]uint64{}, confidence: map[[2]string]uint64{}}
			fmt.Fprintln(cmd.ErrOrStderr(), "asking for the remote addresses")
			a := &asker{options: o}
			if err := a.withQueries(cmd.Context(), func(q *query.Client) error {
				return q.Remotes(cmd.Context(), since, until, d.add)
			}); err != nil {
				return err
			}
			return d.answer(since, until).write(cmd.OutOrStdout(), *format)
		},
	}
	cmd.Flags().StringToStringVar(&from, "from", nil, "a candidate: a package (.tgz), a file or a folder of files (SET=FILE)")
	cmd.Flags().StringToStringVar(&versions, "version", nil, "a version that is kept (SET=VERSION)")
	cmd.Flags().StringVar(&fromDay, "from-day", "", "first day, such as 2026-11-16 (default: seven days before --to-day)")
	cmd.Flags().StringVar(&toDay, "to-day", "", "last day, not included (default: tomorrow)")
	return cmd
}

func days(from, to string, now time.Time) (since, until time.Time, err error) {
	until = now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	if to != "" {
		if until, err = time.Parse(time.DateOnly, to); err != nil {
			return since, until, fmt.Errorf("--to-day: %q is not a day such as 2026-11-23", to)
		}
	}
	since = until.AddDate(0, 0, -7)
	if from != "" {
		if since, err = time.Parse(time.DateOnly, from); err != nil {
			return since, until, fmt.Errorf("--from-day: %q is not a day such as 2026-11-16", from)
		}
	}
	if !since.Before(until) {
		return since, until, errors.New("--from-day: it is not before --to-day")
	}
	return since, until, nil
}

// bothTables opens the newest data sets in dir, and those with the candidates in their place.
func bothTables(ctx context.Context, dir string, from, versions map[string]string, progress io.Writer) (old, other *geo.Table, err error) {
	now, err := dataset.Newest(dir)
	if err != nil {
		return nil, nil, err
	}
	tmp, err := os.MkdirTemp("", "landfall-diff-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(tmp)
	then := now
	for set, path := range from {
		if then, err = then.With(ctx, set, path, tmp); err != nil {
			return nil, nil, err
		}
	}
	for set, wanted := range versions {
		if then, err = then.WithKept(dir, set, wanted); err != nil {
			return nil, nil, err
		}
	}
	for _, t := range []struct {
		era  dataset.Era
		name string
		into **geo.Table
	}{{now, "in force", &old}, {then, "to compare with", &other}} {
		fmt.Fprintf(progress, "reading the data sets %s\n", t.name)
		files, err := t.era.Files()
		if err != nil {
			return nil, nil, err
		}
		if *t.into, err = geo.Open(files); err != nil {
			return nil, nil, err
		}
	}
	return old, other, nil
}

// differ looks addresses up in both tables.
type differ struct {
	old, other         *geo.Table
	diff               dataDiff
	places, confidence map[[2]string]uint64
}

func (d *differ) add(r query.Remote) error {
	a, b := d.old.Lookup(r.Address), d.other.Lookup(r.Address)
	d.diff.Addresses++
	d.diff.Bytes += r.Bytes
	if from, to := placeKey(a.Place), placeKey(b.Place); from != to {
		d.diff.Moved += r.Bytes
		d.places[[2]string{from, to}] += r.Bytes
	}
	if a.Confidence != b.Confidence {
		d.confidence[[2]string{a.Confidence.String(), b.Confidence.String()}] += r.Bytes
	}
	return nil
}

// placeKey is a place as far as a move is concerned: cities are left out.
func placeKey(p *geo.Place) string {
	if p == nil {
		return "unknown"
	}
	key := cmp.Or(p.SubdivisionCode, p.CountryCode, "unknown")
	if p.CloudRegion != "" {
		key += " " + p.CloudProvider + "/" + p.CloudRegion
	}
	return key
}

func (d *differ) answer(since, until time.Time) dataDiff {
	a := d.diff
	a.FromDay, a.ToDay = since.Format(time.DateOnly), until.Format(time.DateOnly)
	if a.Bytes > 0 {
		a.MovedShare = float64(a.Moved) / float64(a.Bytes)
	}
	a.Places, a.Confidence = mostMoved(d.places), mostMoved(d.confidence)
	return a
}

func mostMoved(all map[[2]string]uint64) []move {
	moves := make([]move, 0, len(all))
	for k, n := range all {
		moves = append(moves, move{k[0], k[1], n})
	}
	slices.SortFunc(moves, func(a, b move) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return moves[:min(len(moves), movesShown)]
}

func (a dataDiff) write(out io.Writer, format string) error {
	if format == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(a)
	}
	share := func(n uint64) float64 { return 100 * float64(n) / float64(max(1, a.Bytes)) }
	fmt.Fprintf(out, "%s to %s: %d addresses, %d bytes; %.3f %% of the bytes would move to another place\n", a.FromDay, a.ToDay, a.Addresses, a.Bytes, share(a.Moved))
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, list := range []struct {
		name  string
		moves []move
	}{{"PLACE", a.Places}, {"CONFIDENCE", a.Confidence}} {
		if len(list.moves) == 0 {
			continue
		}
		fmt.Fprintf(t, "\n%s NOW\tTHEN\tBYTES\tSHARE\n", list.name)
		for _, m := range list.moves {
			fmt.Fprintf(t, "%s\t%s\t%d\t%.3f %%\n", m.From, m.To, m.Bytes, share(m.Bytes))
		}
	}
	return t.Flush()
}
