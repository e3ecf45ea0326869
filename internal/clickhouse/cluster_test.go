package clickhouse

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

var update = flag.Bool("update", false, "write the golden file")

// Every statement of the clustered form is as it was looked at, and the server's parser takes it.
func TestClusterSchema(t *testing.T) {
	schema, err := clusterSchema("flows_cluster", "landfall")
	if err != nil {
		t.Fatal(err)
	}
	conn := chtest.Start(t).Conn(t)
	var all strings.Builder
	tables := map[string]int{}
	for _, m := range schema {
		for _, statement := range m.statements {
			all.WriteString(statement + ";\n\n")
			var parsed string
			if err := conn.QueryRow(t.Context(), "SELECT formatQuery(?)", statement).Scan(&parsed); err != nil {
				t.Errorf("%s\n%v", statement, err)
			}
			if !strings.Contains(parsed, "ON CLUSTER") {
				t.Errorf("not on the cluster: %s", statement)
			}
			for _, kind := range []string{"Replicated", "Distributed(", "CREATE VIEW", "MATERIALIZED VIEW"} {
				if strings.Contains(statement, kind) {
					tables[kind]++
				}
			}
		}
	}
	if tables["Replicated"] == 0 || tables["Replicated"] != tables["Distributed("]+tables["CREATE VIEW"] || tables["CREATE VIEW"] != len(sharedTables) {
		t.Errorf("statements by kind: %v", tables)
	}
	if strings.Contains(all.String(), "non_replicated") {
		t.Error("a table keeps the window of a single server")
	}
	const golden = "testdata/cluster.sql"
	if *update {
		if err := os.WriteFile(golden, []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), all.String()); diff != "" {
		t.Errorf("the clustered form differs from %s (-want +got; -update writes it):\n%s", golden, diff)
	}
}

// A statement that the generator does not know is refused, rather than run on one server only.
func TestClusteredRefuses(t *testing.T) {
	for _, statement := range []string{"ALTER TABLE flows ADD COLUMN x UInt8", "CREATE TABLE IF NOT EXISTS x (y UInt8) ENGINE = Memory"} {
		if made, err := clustered(statement, "c", "d"); err == nil {
			t.Errorf("%s became %v", statement, made)
		}
	}
}
