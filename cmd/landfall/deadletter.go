package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/olekukonko/tablewriter"
	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/telemetry"
)

func deadLetterCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "deadletter", GroupID: "setup", Short: "List and replay the messages that were refused",
		Long: `A message that cannot be read, or whose rows ClickHouse refuses, goes to the dead-letter topic with the
reason, and the rest goes on. When the cause is gone (a newer version, a constraint dropped), replay
counts it after all, once.`,
	}
	cmd.AddCommand(listLettersCommand(o), replayLettersCommand(o))
	return cmd
}

// letterLine is a letter as it is listed.
type letterLine struct {
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	At        time.Time `json:"at"`
	Reason    string    `json:"reason"`
	From      string    `json:"from"` // topic/partition/offset that the message was read from
	Bytes     int       `json:"bytes"`
	Error     string    `json:"error"`
}

// errEnough ends a scan early.
var errEnough = errors.New("enough")

func listLettersCommand(o *options) *cobra.Command {
	var format, reason string
	var limit int
	var waiting bool
	cmd := &cobra.Command{
		Use: "list", Args: cobra.NoArgs, Short: "List the refused messages with reason and origin",
		Example: `  landfall deadletter list --waiting
  landfall deadletter list --reason insert_refused --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("--format: %q is not table or json", format)
			}
			lines := []letterLine{}
			err := withBus(cmd.Context(), o, func(ctx context.Context, b *bus.Client) error {
				return b.Letters(ctx, waiting, func(l bus.Letter) error {
					if reason != "" && l.Reason != reason {
						return nil
					}
					if limit > 0 && len(lines) == limit {
						return errEnough
					}
					lines = append(lines, letterLine{
						Partition: l.Partition, Offset: l.Offset, At: l.At, Reason: l.Reason,
						From: fmt.Sprintf("%s/%d/%d", l.Topic, l.TopicPartition, l.TopicOffset), Bytes: len(l.Value), Error: l.Error,
					})
					return nil
				})
			})
			if err != nil && !errors.Is(err, errEnough) {
				return err
			}
			if format == "json" {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(lines)
			}
			return writeLetters(cmd.OutOrStdout(), lines)
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "form of the list: table or json")
	cmd.Flags().StringVar(&reason, "reason", "", "only letters with this reason (malformed, schema_version, insert_refused, …)")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many; 0: all")
	cmd.Flags().BoolVar(&waiting, "waiting", false, "only what has not been replayed")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func writeLetters(w io.Writer, lines []letterLine) error {
	if len(lines) == 0 {
		_, err := fmt.Fprintln(w, "There are no dead letters.")
		return err
	}
	table := tablewriter.NewTable(w)
	table.Header([]string{"Letter", "When", "Reason", "Read from", "Bytes", "Error"})
	for _, l := range lines {
		text := []rune(l.Error)
		if len(text) > 80 {
			text = append(text[:79], '…')
		}
		row := []string{
			fmt.Sprintf("%d/%d", l.Partition, l.Offset), l.At.Format(time.DateTime), l.Reason, l.From,
			fmt.Sprint(l.Bytes), string(text),
		}
		if err := table.Append(row); err != nil {
			return fmt.Errorf("write the list: %w", err)
		}
	}
	return table.Render()
}

// replaySummary is what a replay did.
type replaySummary struct {
	Replayed int  `json:"replayed"`
	Passed   int  `json:"passed"` // cannot be replayed
	DryRun   bool `json:"dry_run"`
}

func replayLettersCommand(o *options) *cobra.Command {
	var dry bool
	var format string
	cmd := &cobra.Command{
		Use: "replay", Args: cobra.NoArgs, Short: "Put the refused messages back where they were read",
		Long: `Puts every dead letter that has not been replayed back into its topic, in order. Each is counted once,
however often it is replayed and whatever is killed meanwhile. What is refused again becomes a new
letter. Letters that cannot be replayed are named and passed over; the exit code is 1 then.`,
		Example: `  landfall deadletter replay --dry-run
  landfall deadletter replay`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s := replaySummary{DryRun: dry}
			err := withBus(cmd.Context(), o, func(ctx context.Context, b *bus.Client) error {
				return b.Letters(ctx, true, func(l bus.Letter) error { return replay(ctx, cmd, b, l, dry, &s) })
			})
			if err != nil {
				return fmt.Errorf("%w\n%d letters were replayed before; replay again to go on", err, s.Replayed)
			}
			switch {
			case format == "json":
				if err := json.NewEncoder(cmd.OutOrStdout()).Encode(s); err != nil {
					return err
				}
			case dry:
				cmd.Printf("%d letters would be replayed, %d passed over\n", s.Replayed, s.Passed)
			default:
				cmd.Printf("%d letters replayed, %d passed over\n", s.Replayed, s.Passed)
			}
			if s.Passed > 0 {
				return fmt.Errorf("%d letters cannot be replayed", s.Passed)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be done")
	cmd.Flags().StringVar(&format, "format", "text", "form of the summary: text or json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func replay(ctx context.Context, cmd *cobra.Command, b *bus.Client, l bus.Letter, dry bool, s *replaySummary) error {
	if dry {
		if l.Problem() != "" {
			s.Passed++
		} else {
			s.Replayed++
		}
		return nil
	}
	err := b.Replay(ctx, l)
	switch {
	case errors.Is(err, bus.ErrNoReplay):
		s.Passed++
		cmd.PrintErrf("letter %d/%d: %v\n", l.Partition, l.Offset, err)
	case err != nil:
		return err
	default:
		s.Replayed++
	}
	return b.Replayed(ctx, l)
}

// withBus connects to Kafka and calls use.
func withBus(ctx context.Context, o *options, use func(context.Context, *bus.Client) error) error {
	c, err := loadConfig(o)
	if err != nil {
		return err
	}
	b, err := bus.New(c.Kafka, telemetry.NewLogger(c.Telemetry, os.Stderr), telemetry.NewRegistry())
	if err != nil {
		return err
	}
	defer b.Close()
	return use(ctx, b)
}
