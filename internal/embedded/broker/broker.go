package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"golang.org/x/sys/unix"
)

// Why a request was refused: the bounded values of the label `reason`.
const (
	reasonFull    = "topic_full"
	reasonSize    = "request_size"
	reasonKey     = "unknown_request"
	reasonVersion = "unknown_version"
)

const (
	lockFile    = "landfall.lock"
	runningFile = "landfall.running"        // there while a broker runs, and after a crash
	sessionFile = "session_state.json"      // kfake's; see Start
	never       = 10 * 365 * 24 * time.Hour // longest time that kfake's millisecond settings hold safely
	lockWait    = 5 * time.Second
)

// Broker is one embedded broker. Make it with [New].
type Broker struct {
	cfg     Config
	log     *slog.Logger
	refused *prometheus.CounterVec
	trimmed *prometheus.CounterVec
	stored  *prometheus.GaugeVec

	addr    atomic.Pointer[string]
	usage   usage
	cluster *kfake.Cluster
	lock    *os.File

	mu       sync.Mutex
	state    int
	stop     context.CancelFunc
	stopped  chan struct{} // closed when everything has ended
	trimming chan struct{} // closed when the trimmer has ended
}

const (
	stateNew = iota
	stateStarted
	stateStopped
)

// New checks the configuration and assembles a broker; nothing is opened. The
// logger and the registerer must not be nil.
func New(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Broker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	b := &Broker{
		cfg: cfg,
		log: log.With("component", "embedded-broker"),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_embedded_broker_refused_requests_total",
			Help: "Requests the embedded broker refused, by reason.",
		}, []string{"reason"}),
		trimmed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_embedded_broker_trimmed_messages_total",
			Help: "Messages the embedded broker deleted, by reason: read by every group, or by the topic's own retention.",
		}, []string{"reason"}),
		stored: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "landfall_embedded_broker_stored_bytes",
			Help: "Bytes of messages the embedded broker holds, by topic.",
		}, []string{"topic"}),
		stopped:  make(chan struct{}),
		trimming: make(chan struct{}),
	}
	b.usage.most = cfg.MaxTopicBytes
	for _, c := range []prometheus.Collector{b.refused, b.trimmed, b.stored} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("embedded broker: register its metrics: %w", err)
		}
	}
	return b, nil
}

// Addr is host:port of the broker; empty before Start.
func (b *Broker) Addr() string {
	if a := b.addr.Load(); a != nil {
		return *a
	}
	return ""
}

// Start reads the messages' index and the offsets from the folder and returns
// when the broker listens. After a crash it reads all messages first, which
// takes a few seconds per gigabyte and, for that time, as much memory as they
// have bytes: a reason to keep MaxTopicBytes small. Start may be called once.
func (b *Broker) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != stateNew {
		return errors.New("start embedded broker: it was started before")
	}
	b.state = stateStopped
	if err := b.start(ctx); err != nil {
		b.unlock()
		return fmt.Errorf("start embedded broker: %w", err)
	}
	b.state = stateStarted
	return nil
}

func (b *Broker) start(ctx context.Context) error {
	if err := os.MkdirAll(b.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("make its folder: %w", err)
	}
	if err := b.lockDir(ctx); err != nil {
		return err
	}
	running := filepath.Join(b.cfg.Dir, runningFile)
	if _, err := os.Stat(running); err == nil {
		if err := b.repair(ctx); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// kfake keeps the members of consumer groups across a clean stop. Ours end
	// with this process, and a new member would have to wait until the old
	// ones time out.
	if err := os.Remove(filepath.Join(b.cfg.Dir, sessionFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the last run's group members: %w", err)
	}
	if err := os.WriteFile(running, nil, 0o600); err != nil {
		return fmt.Errorf("mark the folder as in use: %w", err)
	}
	listen := net.JoinHostPort(b.cfg.Listen, strconv.Itoa(b.cfg.Port))
	var listenErr error
	cluster, err := kfake.NewCluster(b.options(func(network, _ string) (net.Listener, error) {
		l, err := (&net.ListenConfig{}).Listen(ctx, network, listen)
		if err != nil {
			listenErr = fmt.Errorf("port %d on %s cannot be used; set port to another one, or to 0 to choose a free one: %w", b.cfg.Port, b.cfg.Listen, err)
			return nil, listenErr
		}
		return guardListener{Listener: l, refused: b.refused}, nil
	})...)
	switch {
	case listenErr != nil:
		return listenErr
	case err != nil:
		return fmt.Errorf("open %s: %w", b.cfg.Dir, err)
	}
	b.cluster = cluster
	addr := cluster.ListenAddrs()[0]
	b.addr.Store(&addr)
	b.refuseWhenFull()
	b.answerUnknownGroups()

	run, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	t := newTrimmer(b, addr)
	// The sizes must be known before the first message comes in.
	t.pass(ctx)
	go func() {
		defer close(b.trimming)
		defer t.close()
		t.run(run)
	}()
	b.log.Info("the embedded broker is ready", "addr", addr, "dir", b.cfg.Dir)
	return nil
}

func (b *Broker) options(listen func(network, address string) (net.Listener, error)) []kfake.Opt {
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ListenFn(listen),
		kfake.ClusterID("landfall"),
		kfake.DataDir(b.cfg.Dir),
		kfake.DefaultNumPartitions(1),
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.WithLogger(logger{b.log}),
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes": strconv.Itoa(b.cfg.MaxMessageBytes),
			"log.segment.bytes": strconv.FormatInt(b.cfg.SegmentBytes, 10),
			// kfake's own retention must never run: it deletes what nobody has
			// read yet, and a partition that it empties starts again at offset
			// 0 after the next start. The trimmer does the work.
			"log.retention.ms":          "-1",
			"log.retention.bytes":       "-1",
			"log.cleaner.backoff.ms":    ms(never),
			"offsets.retention.minutes": strconv.Itoa(int(never / time.Minute)),
		}),
	}
	if b.cfg.SyncWrites {
		opts = append(opts, kfake.SyncWrites())
	}
	return opts
}

// repair opens and closes the folder of a broker that did not end by itself.
// kfake skips the torn end of a state file when it reads, but goes on writing
// behind it, where nothing is ever read again: offsets committed after one
// crash would be gone after the next. A clean close writes the files anew.
func (b *Broker) repair(ctx context.Context) error {
	b.log.Info("the broker did not end by itself last time; its files are checked")
	cluster, err := kfake.NewCluster(b.options(func(string, string) (net.Listener, error) {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(b.cfg.Listen, "0"))
	})...)
	if err != nil {
		return fmt.Errorf("open %s after a crash: %w", b.cfg.Dir, err)
	}
	cluster.Close()
	return nil
}

// lockDir makes sure that no second broker works on the folder. The lock goes
// with the process, however it ends.
func (b *Broker) lockDir(ctx context.Context) error {
	f, err := os.OpenFile(filepath.Join(b.cfg.Dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock its folder: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			b.lock = f
			return nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return fmt.Errorf("lock %s: another broker works on it: %w", b.cfg.Dir, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (b *Broker) unlock() {
	if b.lock != nil {
		b.lock.Close()
		b.lock = nil
	}
}

// Shutdown closes the listener and writes all state. Clients should be gone
// before. When ctx ends first its error is returned and the closing goes on
// beside; nothing acknowledged is lost by leaving it. It may be called twice,
// and without Start.
func (b *Broker) Shutdown(ctx context.Context) error {
	b.mu.Lock()
	if b.state == stateStarted {
		b.state = stateStopped
		b.stop()
		go func() {
			defer close(b.stopped)
			<-b.trimming
			b.cluster.Close()
			if err := os.Remove(filepath.Join(b.cfg.Dir, runningFile)); err != nil {
				b.log.Warn("the broker's folder stays marked as in use", "error", err)
			}
			b.unlock()
		}()
	}
	begun := b.cluster != nil
	b.mu.Unlock()
	if !begun {
		return nil
	}
	select {
	case <-b.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop embedded broker: %w", context.Cause(ctx))
	}
}

// logger takes kfake's log lines; its info level tells of every request.
type logger struct{ log *slog.Logger }

func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	at := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		at = slog.LevelError
	case kfake.LogLevelWarn:
		at = slog.LevelWarn
	}
	if l.log.Enabled(context.Background(), at) {
		l.log.Log(context.Background(), at, fmt.Sprintf(format, args...))
	}
}
