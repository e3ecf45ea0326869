// Command landfall is all of Landfall in one binary: each service as a command of its own, all of
// them on one machine (up), the question that it exists for (query), and what an operator needs
// around it. It wires the parts together by hand and does nothing else.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
)

// version is set by the build.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the process at once.
	context.AfterFunc(ctx, stop)
	err := rootCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		if !errors.Is(err, errSaid) {
			fmt.Fprintln(os.Stderr, "landfall:", err)
		}
		os.Exit(1)
	}
}

// errSaid ends the process with exit code 1; what is to be said has been said.
var errSaid = errors.New("said")

func rootCommand() *cobra.Command {
	var options options
	root := &cobra.Command{
		Use:   "landfall",
		Short: "Where does the data of our handsets make landfall?",
		Long: `Landfall watches a network's own egress and says which vendor's handsets send how much to which
place, over time.

On one machine, with everything embedded:   landfall up
The story of one vendor, played and shown:  landfall demo
The question:                               landfall query residency --vendor Xiaomi --by place --bucket week`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVarP(&options.configFile, "config", "c", "", "configuration file (default: $LANDFALL_CONFIG, landfall.yaml, /etc/landfall/landfall.yaml, or none)")
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Run:"},
		&cobra.Group{ID: "ask", Title: "Ask:"},
		&cobra.Group{ID: "service", Title: "Services, one process each:"},
		&cobra.Group{ID: "setup", Title: "Set up:"},
	)
	root.AddCommand(upCommand(&options), demoCommand(&options), simulateCommand(&options))
	root.AddCommand(queryCommand(&options), whereCommand(&options))
	root.AddCommand(serviceCommands(&options)...)
	root.AddCommand(auditCommand(&options), reprocessCommand(&options), deadLetterCommand(&options), tenantsCommand(&options))
	root.AddCommand(dataCommand(&options), checkConfigCommand(&options), printConfigCommand(&options))
	root.AddCommand(policyCommand())
	root.AddCommand(&cobra.Command{
		Use: engine.ChildCommand, Hidden: true, DisableFlagParsing: true,
		Run: func(_ *cobra.Command, args []string) { os.Exit(engine.ChildMain(args)) },
	})
	return root
}
