package clickhouse

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"
)

const (
	configFile = "config.xml"
	usersFile  = "users.xml"
)

// writeSettings writes the engine's two settings files into dir and makes the
// folder ready for its first start. The files are written on every start:
// what they say comes from Config alone.
func writeSettings(dir string, c Config) error {
	if err := os.MkdirAll(filepath.Join(dir, "metadata"), 0o700); err != nil {
		return fmt.Errorf("make the engine's folder: %w", err)
	}
	if err := writeSystemDatabase(dir); err != nil {
		return err
	}
	for name, text := range map[string]string{
		configFile: configXML(dir, c),
		usersFile:  usersXML(c),
	} {
		if err := writeAside(filepath.Join(dir, name), []byte(text)); err != nil {
			return fmt.Errorf("write the engine's settings: %w", err)
		}
	}
	return nil
}

// writeSystemDatabase declares `system` as a database on disk. Without it
// clickhouse-local keeps `system` in memory and leaves its log tables behind
// as orphans at every restart. It must not be done to a folder that already
// has one.
func writeSystemDatabase(dir string) error {
	path := filepath.Join(dir, "metadata", "system.sql")
	for _, p := range []string{path, filepath.Join(dir, "data", "system")} {
		if _, err := os.Lstat(p); err == nil {
			return nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("look at the engine's folder: %w", err)
		}
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return fmt.Errorf("draw the system database's id: %w", err)
	}
	text := fmt.Sprintf("ATTACH DATABASE system UUID '%s'\nENGINE = Atomic\n", id)
	if err := writeAside(path, []byte(text)); err != nil {
		return fmt.Errorf("declare the system database: %w", err)
	}
	return nil
}

// writeAside replaces a file whole, readable by its owner only.
func writeAside(path string, text []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// configXML is the server's settings. Both ports stand on the command line
// only, because a port in the file would override that. The pools are small:
// their defaults are made for a machine that does nothing else.
func configXML(dir string, c Config) string {
	logs := ""
	if c.QueryLogDays > 0 {
		for _, table := range []string{"query_log", "part_log"} {
			logs += fmt.Sprintf(`
  <%[1]s><database>system</database><table>%[1]s</table><flush_interval_milliseconds>7500</flush_interval_milliseconds>
    <ttl>event_date + INTERVAL %[2]d DAY DELETE</ttl></%[1]s>`, table, c.QueryLogDays)
		}
	}
	return fmt.Sprintf(`<!-- Written by landfall at every start; changes are lost. -->
<clickhouse>
  <log-level>%s</log-level>
  <users_config>%s</users_config>
  <max_server_memory_usage>%d</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <mmap_cache_size>100</mmap_cache_size>
  <background_pool_size>4</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_move_pool_size>1</background_move_pool_size>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_common_pool_size>4</background_common_pool_size>
  <background_schedule_pool_size>16</background_schedule_pool_size>
  <background_message_broker_schedule_pool_size>1</background_message_broker_schedule_pool_size>
  <background_distributed_schedule_pool_size>1</background_distributed_schedule_pool_size>
  <background_buffer_flush_schedule_pool_size>1</background_buffer_flush_schedule_pool_size>
  <tables_loader_foreground_pool_size>4</tables_loader_foreground_pool_size>
  <tables_loader_background_pool_size>2</tables_loader_background_pool_size>
  <max_concurrent_queries>64</max_concurrent_queries>
  <max_connections>256</max_connections>
  <send_crash_reports><enabled>false</enabled></send_crash_reports>%s
</clickhouse>
`, c.LogLevel, escape(filepath.Join(dir, usersFile)), c.MaxMemory, logs)
}

// usersXML has two users, and those that see a part only. Every right is granted by name: a user with all
// rights could read this machine's files through file() and call other
// machines through url().
//
// Another, `default`, is whom the engine's own prompt runs as, from
// 127.0.0.1 and without a password; neither can be set. It may open the
// listeners and nothing else, and have one session, which the prompt holds for
// as long as the engine lives: so nobody else can log in as it.
func usersXML(c Config) string {
	threads := ""
	if c.MaxThreads > 0 {
		threads = fmt.Sprintf("\n      <max_threads>%d</max_threads>", c.MaxThreads)
	}
	// Half for one query leaves room for merges and inserts beside it.
	perQuery := c.MaxMemory / 2
	return fmt.Sprintf(`<!-- Written by landfall at every start; changes are lost. -->
<clickhouse>
  <profiles>
    <default>
      <max_memory_usage>%[1]d</max_memory_usage>%[2]s
    </default>
    <prompt>
      <max_sessions_for_user>1</max_sessions_for_user>
    </prompt>
    <reader>
      <readonly>2</readonly>
      <max_memory_usage>%[1]d</max_memory_usage>%[2]s
      <constraints><max_memory_usage><max>%[1]d</max></max_memory_usage></constraints>
    </reader>
  </profiles>
  <quotas><default/></quotas>
  <users>
%[3]s%[4]s  </users>
</clickhouse>
`, perQuery, threads,
		promptXML+userXML(c.ServiceUser, c.ServicePassword, "default", serviceGrants(c), everyRow(c)),
		userXML(c.ReaderUser, c.ReaderPassword, "reader", readerGrants(c), everyRow(c))+restrictedXML(c))
}

// restrictedXML is the users who see a part only.
func restrictedXML(c Config) string {
	var b strings.Builder
	for _, u := range c.Users {
		var grants []string
		for _, right := range u.Rights {
			grants = append(grants, "GRANT "+right)
		}
		b.WriteString(userXML(u.Name, u.Password, "reader", grants, filterXML(c.Database, u.Filters)))
	}
	return b.String()
}

// everyRow says of each table with a filter for somebody that this user sees all of it. The engine
// would show it all the same, unless told otherwise by a setting whose default has changed before.
func everyRow(c Config) string {
	all := make(map[string]string)
	for _, u := range c.Users {
		for table := range u.Filters {
			all[table] = "1"
		}
	}
	return filterXML(c.Database, all)
}

// filterXML is the row policies of a user.
func filterXML(database string, filters map[string]string) string {
	if len(filters) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "      <databases><%s>\n", database)
	for _, table := range slices.Sorted(maps.Keys(filters)) {
		fmt.Fprintf(&b, "        <%[1]s><filter>%[2]s</filter></%[1]s>\n", table, escape(filters[table]))
	}
	fmt.Fprintf(&b, "      </%s></databases>\n", database)
	return b.String()
}

const promptXML = `    <default>
      <no_password/>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>prompt</profile><quota>default</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
    </default>
`

// tableEngines are those a table may have: the ones whose data stay in the
// engine's own folder. File, URL, S3, MySQL and their like are not among them.
var tableEngines = []string{
	"MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree",
	"CollapsingMergeTree", "VersionedCollapsingMergeTree",
	"Memory", "Null", "Set", "Join", "Buffer", "Merge", "Dictionary",
}

// serviceGrants is what migrations, inserts and queries of the services need.
func serviceGrants(c Config) []string {
	grants := []string{
		fmt.Sprintf("GRANT ALL ON %s.*", c.Database),
		"GRANT SELECT, SHOW ON system.*",
		"GRANT SYSTEM RELOAD DICTIONARY, SYSTEM FLUSH LOGS, SYSTEM VIEWS, SYSTEM MERGES, KILL QUERY ON *.*",
	}
	for _, engine := range tableEngines {
		grants = append(grants, "GRANT TABLE ENGINE ON "+engine)
	}
	return append(grants, c.ExtraGrants...)
}

func readerGrants(c Config) []string {
	return []string{fmt.Sprintf("GRANT SELECT, SHOW, dictGet ON %s.*", c.Database)}
}

func userXML(name, password, profile string, grants []string, policies string) string {
	sum := sha256.Sum256([]byte(password))
	var b bytes.Buffer
	fmt.Fprintf(&b, "    <%s>\n      <password_sha256_hex>%s</password_sha256_hex>\n", name, hex.EncodeToString(sum[:]))
	fmt.Fprintf(&b, "      <networks><ip>127.0.0.0/8</ip><ip>::1</ip></networks>\n      <profile>%s</profile><quota>default</quota>\n      <grants>\n", profile)
	for _, g := range grants {
		fmt.Fprintf(&b, "        <query>%s</query>\n", escape(g))
	}
	fmt.Fprintf(&b, "      </grants>\n%s    </%s>\n", policies, name)
	return b.String()
}

func escape(s string) string {
	var b bytes.Buffer
	// A bytes.Buffer does not fail.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
