package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/landfall-telemetry/landfall/internal/scenario"
)

// The roles of the processes.
const (
	roleBroker     = "broker"
	roleEngine     = "clickhouse"
	roleCollector  = "collector"
	roleEnricher   = "enricher"
	roleAggregator = "aggregator"
)

const (
	partitions = 4
	// sessionTimeout is short, so that a frozen member is taken for dead soon.
	sessionTimeout = 3 * time.Second
	insertTimeout  = 4 * time.Second
	// startLimit is for a busy machine; nothing waits for it to pass.
	startLimit = 3 * time.Minute
)

// system is one installation with processes, ports and folders of its own.
type system struct {
	c        Config
	dir      string
	config   string // path
	spawn    *spawner
	kafka    *proxy // nil with the embedded broker, whose clients go straight to it
	click    *proxy
	brokerAt string // what the services connect to
	engineAt string // the engine itself, for the check
	ports    map[string]int
	count    int // of processes so far

	members map[string][]*process // by role; broker, clickhouse and collector have one
	leaving []*process            // told to stop
	exits   []string              // processes that ended without being told to
	tables  []table               // that count flows, once known
}

// newSystem chooses ports, writes the configuration, and starts nothing.
func newSystem(c Config, dir string) (_ *system, err error) {
	s := &system{c: c, dir: dir, spawn: newSpawner(), members: make(map[string][]*process)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.ports, err = freePorts("broker", "controller", "native", "http", "netflow", "ipfix", "sflow"); err != nil {
		return nil, err
	}
	s.engineAt = local(s.ports["native"])
	s.brokerAt = local(s.ports["broker"])
	if s.click, err = newProxy(s.engineAt); err != nil {
		return nil, err
	}
	if c.Kafka {
		if s.kafka, err = newProxy(s.brokerAt); err != nil {
			return nil, err
		}
		s.brokerAt = s.kafka.address
	}
	vendors := filepath.Join(dir, "static-vendors.csv")
	if err := scenario.WriteStaticVendors(scenario.DefaultConfig(), vendors); err != nil {
		return nil, err
	}
	if err := appendVendors(vendors); err != nil {
		return nil, err
	}
	networks := filepath.Join(dir, "asn.csv")
	if err := someNetworks(filepath.Join(c.Root, "data", "asn", "asn-ipv4.csv"), networks); err != nil {
		return nil, err
	}
	prefixes := []string{writersPrefix.String()}
	for _, p := range scenario.SubscriberPrefixes() {
		prefixes = append(prefixes, p.String())
	}
	text := fmt.Sprintf(`data_dir: %[1]s/data
state_dir: %[2]s/state
telemetry: {listen: ""}
kafka: {brokers: ["%[3]s"], topic_prefix: chaos, partitions: %[4]d, session_timeout: %[5]s}
clickhouse: {addresses: ["%[6]s"]}
embedded:
  broker: {port: %[7]d}
  clickhouse: {native_port: %[8]d, http_port: %[9]d}
collector:
  operator: chaos
  site: %[10]s
  name: collector
  listen:
    - {address: "127.0.0.1:%[11]d", protocol: netflow}
    - {address: "127.0.0.1:%[12]d", protocol: netflow}
    - {address: "127.0.0.1:%[13]d", protocol: sflow}
enricher:
  subscriber_prefixes: ["%[14]s"]
  static_vendors_file: %[15]s
  asn_path: %[17]s
aggregator:
  insert_max_age: 200ms
  insert_max_rows: 20000
  insert_timeout: %[16]s
  retention: {flows: 0s, residency_minute: 0s, residency_hour: 0s, residency_day: 0s, endpoint_day: 0s, endpoint_seen: 0s, exporter_day: 0s, data_set_day: 0s, ledger: 0s}
`, c.Root, dir, s.brokerAt, partitions, sessionTimeout, s.click.address, s.ports["broker"], s.ports["native"], s.ports["http"],
		siteExporters, s.ports["netflow"], s.ports["ipfix"], s.ports["sflow"], strings.Join(prefixes, `", "`), vendors, insertTimeout, networks)
	s.config = filepath.Join(dir, "landfall.yaml")
	return s, os.WriteFile(s.config, []byte(text), 0o600)
}

// start starts one process of a role and does not wait until it is ready.
func (s *system) start(role string) (*process, error) {
	s.count++
	name := fmt.Sprintf("%s %d", role, s.count)
	argv := []string{s.c.Program, "--config", s.config, role}
	var env []string
	switch role {
	case roleEngine:
		argv = []string{s.c.Program, "--config", s.config, "up", "--services", role}
	case roleBroker:
		argv = []string{s.c.Program, "--config", s.config, "up", "--services", role}
		if s.c.Kafka {
			argv = []string{filepath.Join(s.c.Root, "tests", "kafka", "start.sh")}
			env = []string{
				"KAFKA_FOREGROUND=1", "KAFKA_DIR=" + filepath.Join(s.dir, "kafka"), "KAFKA_ADVERTISED=" + s.brokerAt,
				"KAFKA_PORT=" + strconv.Itoa(s.ports["broker"]), "KAFKA_CONTROLLER_PORT=" + strconv.Itoa(s.ports["controller"]),
				// A group's least session is 6 s by default.
				"KAFKA_PROPERTIES=group.min.session.timeout.ms=1000",
			}
		}
	}
	p, err := s.spawn.start(name, s.dir, env, argv...)
	if err != nil {
		return nil, err
	}
	s.members[role] = append(s.members[role], p)
	return p, nil
}

// up starts everything, servers first.
func (s *system) up(ctx context.Context) error {
	for _, role := range []string{roleBroker, roleEngine, roleCollector, roleEnricher, roleAggregator, roleEnricher, roleAggregator} {
		p, err := s.start(role)
		if err != nil {
			return err
		}
		var server string
		switch role {
		case roleBroker:
			server = local(s.ports["broker"])
		case roleEngine:
			server = s.engineAt // it makes the password that the others read
		default:
			continue
		}
		if err := await(ctx, server, p); err != nil {
			return err
		}
	}
	return nil
}

// await waits until a server accepts connections.
func await(ctx context.Context, address string, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w\n%s", p.name, p.err, p.tail(2000))
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen at %s: %w\n%s", p.name, address, ctx.Err(), p.tail(2000))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// remove takes an ended process off the list.
func (s *system) remove(role string, p *process) {
	for i, m := range s.members[role] {
		if m == p {
			s.members[role] = append(s.members[role][:i:i], s.members[role][i+1:]...)
			return
		}
	}
}

// revive starts again what has ended by itself, as a supervisor of an installation does, and notes it.
func (s *system) revive() error {
	for _, role := range []string{roleBroker, roleEngine, roleCollector, roleEnricher, roleAggregator} {
		for _, p := range append([]*process(nil), s.members[role]...) {
			if p.running() {
				continue
			}
			s.remove(role, p)
			if !p.ending && !p.fragile {
				s.exits = append(s.exits, fmt.Sprintf("%s ended by itself: %v: %s", p.name, p.err, lastLine(p.tail(1000))))
			}
			if p.ending {
				continue
			}
			if _, err := s.start(role); err != nil {
				return err
			}
		}
	}
	return nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// close ends every process and proxy.
func (s *system) close() {
	for _, role := range []string{roleAggregator, roleEnricher, roleCollector, roleEngine, roleBroker} {
		for _, p := range s.members[role] {
			p.kill()
		}
	}
	for _, p := range s.leaving {
		p.kill()
	}
	for _, p := range []*proxy{s.click, s.kafka} {
		if p != nil {
			p.close()
		}
	}
	s.spawn.close()
}

// someNetworks copies the begin of the table of networks: enrichers are started often, and the whole table
// takes seconds of processor time.
func someNetworks(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 256<<10))
	if err != nil {
		return err
	}
	return os.WriteFile(to, text[:bytes.LastIndexByte(text, '\n')+1], 0o600)
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePorts gives a port, free for TCP and UDP, to each name.
func freePorts(names ...string) (map[string]int, error) {
	ports := make(map[string]int)
	var held []interface{ Close() error }
	defer func() {
		for _, h := range held {
			_ = h.Close() // nothing was sent
		}
	}()
	for _, name := range names {
		for try := 0; ; try++ {
			l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
			if err != nil {
				return nil, err
			}
			held = append(held, l)
			port := l.Addr().(*net.TCPAddr).Port
			u, err := (&net.ListenConfig{}).ListenPacket(context.Background(), "udp", local(port))
			if err == nil {
				held = append(held, u)
				ports[name] = port
				break
			}
			if try == 10 {
				return nil, errors.Join(errors.New("no port is free for TCP and UDP"), err)
			}
		}
	}
	return ports, nil
}
