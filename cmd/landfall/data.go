package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/dataset"
)

func dataCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "data", GroupID: "setup",
		Short: "Fetch, list, verify and compare the data sets and the ClickHouse engine",
	}
	var format string
	show := func(cmd *cobra.Command, all []dataset.Status) error {
		if format == "json" {
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			return encoder.Encode(all)
		}
		return dataset.WriteTable(cmd.OutOrStdout(), all)
	}
	var update dataset.Options
	var inForceFrom string
	updateCommand := &cobra.Command{
		Use: "update [SET…]", Short: "Fetch data sets that are missing, damaged or published anew",
		Long: "Fetch the data sets that are missing, damaged or published anew. Needed: engine, city, asn, oui. " +
			"Optional: aws, gcp, azure, oracle, anycast, from their publishers; witness, when it is named; cloud, overrides, the operator's own with --from. " +
			"A publisher that cannot be reached is said, and the rest goes on.",
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := readConfig(o)
			if err != nil {
				return err
			}
			if update.InForceFrom, err = parseInForce(inForceFrom); err != nil {
				return err
			}
			// What is given is what is meant.
			if len(names) == 0 {
				for set := range update.From {
					names = append(names, set)
				}
			}
			update.Out, update.Keep = cmd.ErrOrStderr(), c.DataKeep
			if c.DataKeep == 0 {
				update.Keep = -1
			}
			all, err := dataset.Update(cmd.Context(), c.DataDir, names, update)
			if showErr := show(cmd, all); showErr != nil {
				return showErr
			}
			return err
		},
	}
	flags := updateCommand.Flags()
	flags.StringToStringVar(&update.From, "from", nil, "take a set from a package (.tgz), a file or a folder of files on this machine (SET=FILE)")
	flags.BoolVar(&update.Force, "force", false, "fetch also what is there and intact")
	flags.BoolVar(&update.Latest, "latest", false, "fetch the newest city, asn, oui and witness that npm has, not those that this release pins")
	flags.StringVar(&inForceFrom, "in-force-from", "", "since when flows are judged by what is fetched: a time such as 2026-11-23T00:00:00Z, or beginning (default: in two minutes; the very first: beginning)")
	cmd.AddCommand(updateCommand, dataDiffCommand(o, &format),
		&cobra.Command{
			Use: "list", Short: "List the data sets, their state, version, licence and source", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				c, err := readConfig(o)
				if err != nil {
					return err
				}
				return show(cmd, dataset.List(c.DataDir))
			},
		},
		&cobra.Command{
			Use: "verify", Short: "Check every file of the data sets against its checksum", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				c, err := readConfig(o)
				if err != nil {
					return err
				}
				all, err := dataset.Verify(cmd.Context(), c.DataDir)
				if showErr := show(cmd, all); showErr != nil {
					return showErr
				}
				return err
			},
		})
	cmd.PersistentFlags().StringVar(&format, "format", "table", "form of the answer: table or json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// parseInForce reads a time or "beginning"; "" is nil.
func parseInForce(s string) (*time.Time, error) {
	switch s {
	case "":
		return nil, nil
	case "beginning":
		return &time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil, fmt.Errorf("--in-force-from: %q is neither a time such as 2026-11-23T00:00:00Z nor beginning", s)
	}
	return &t, nil
}
