package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/dataset"
)

func dataCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "data", GroupID: "setup",
		Short: "Fetch, list and verify the data sets and the ClickHouse engine",
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
	updateCommand := &cobra.Command{
		Use: "update [SET…]", Short: "Fetch the data sets that are missing or damaged (sets: engine, city, asn, oui)",
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := readConfig(o)
			if err != nil {
				return err
			}
			update.Out = cmd.ErrOrStderr()
			all, err := dataset.Update(cmd.Context(), c.DataDir, names, update)
			if showErr := show(cmd, all); showErr != nil {
				return showErr
			}
			return err
		},
	}
	updateCommand.Flags().StringToStringVar(&update.From, "from", nil, "take a set from a package file on this machine (SET=FILE.tgz)")
	updateCommand.Flags().BoolVar(&update.Force, "force", false, "fetch also what is there and intact")
	cmd.AddCommand(updateCommand,
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
