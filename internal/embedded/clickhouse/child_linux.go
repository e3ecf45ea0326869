package clickhouse

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

const (
	// lockWait is how long a new child waits for an older one on the same
	// folder to be gone. The kernel ends a child with its parent, but not in
	// the same instant.
	lockWait = 5 * time.Second
	// exitEvery is how often the stop command is repeated: the engine's prompt
	// drops what it reads while it is still busy.
	exitEvery = 200 * time.Millisecond
)

// ChildMain is the whole life of the engine process: it takes the arguments
// after [ChildCommand], runs the engine until SIGTERM and returns the exit
// code (0 only for a stop that was asked for). It must run in a process of its
// own; it replaces standard input.
func ChildMain(args []string) int {
	if err := runChild(args); err != nil {
		fmt.Fprintf(os.Stderr, "landfall %s: %v\n", ChildCommand, err)
		return 1
	}
	return 0
}

func runChild(args []string) error {
	var (
		fs      = flag.NewFlagSet(ChildCommand, flag.ContinueOnError)
		library = fs.String("library", "", "path of libchdb.so")
		dir     = fs.String("dir", "", "data folder")
		listen  = fs.String("listen", "127.0.0.1", "address of the listeners")
		native  = fs.Int("native-port", 0, "port of the native protocol")
		http    = fs.Int("http-port", 0, "port of the HTTP interface")
	)
	if err := fs.Parse(args); err != nil {
		return err
	}
	// The terminal's Ctrl-C and hang-up are for the parent, which then stops
	// this process in its turn.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)

	unlock, err := lockDir(*dir)
	if err != nil {
		return err
	}
	defer unlock()
	// In here, because the engine before this one may have been ending until it let go of the lock.
	if n, err := takeBackTokens(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "Warning: after a kill, a repeated insert may be taken for a duplicate:", err)
	} else if n > 0 {
		fmt.Fprintf(os.Stderr, "Information: took back %d deduplication tokens whose parts a killed engine had not put in place\n", n)
	}
	master, err := terminalAsStdin()
	if err != nil {
		return fmt.Errorf("give the engine a terminal of its own: %w", err)
	}
	var stopping atomic.Bool
	go func() {
		<-stop
		stopping.Store(true)
		for {
			// The engine is gone once the terminal is: nothing to do then.
			_, _ = io.WriteString(master, "exit\n")
			time.Sleep(exitEvery)
		}
	}()
	result, err := runEngine(*library, []string{
		"clickhouse-local",
		"--path=" + *dir,
		"--config-file=" + filepath.Join(*dir, configFile),
		"--interactive", "--disable_suggestion", "--history_file=/dev/null", "--highlight=0",
		"--query=SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP",
		"--",
		"--tcp_port=" + strconv.Itoa(*native),
		"--http_port=" + strconv.Itoa(*http),
		"--listen_host=" + *listen,
	})
	if err != nil {
		return err
	}
	if stopping.Load() {
		return nil
	}
	if result == "" {
		result = "no reason given"
	}
	return fmt.Errorf("the engine ended by itself at %s: %s", net.JoinHostPort(*listen, strconv.Itoa(*native)), result)
}

// lockDir makes sure that no second engine works on the same folder. The lock
// goes with the process, however it ends.
func lockDir(dir string) (func(), error) {
	f, err := os.OpenFile(filepath.Join(dir, "landfall.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the engine's folder: %w", err)
	}
	for deadline := time.Now().Add(lockWait); ; time.Sleep(50 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			f.Close()
			return nil, fmt.Errorf("lock %s: another engine works on it: %w", dir, err)
		}
	}
}

// terminalAsStdin makes a pseudo terminal the standard input. A
// clickhouse-local that is not interactive installs an error handler that ends
// the process at the first exception on a connection's thread, for example a
// wrong password; an interactive one does not. What the prompt prints is
// read and dropped, so that it never blocks.
func terminalAsStdin() (master *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			master.Close()
		}
	}()
	conn, err := master.SyscallConn()
	if err != nil {
		return nil, err
	}
	var number int
	ctlErr := conn.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err != nil {
			err = fmt.Errorf("unlock /dev/ptmx: %w", err)
			return
		}
		number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	})
	if err = errors.Join(err, ctlErr); err != nil {
		return nil, err
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer slave.Close()
	if err = unix.Dup3(int(slave.Fd()), 0, 0); err != nil {
		return nil, fmt.Errorf("dup onto standard input: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, master) }()
	return master, nil
}

// engineResult is struct local_result_v2 of the engine's chdb.h.
type engineResult struct {
	buf       *byte
	len       uintptr
	vec       unsafe.Pointer
	elapsed   float64
	rowsRead  uint64
	bytesRead uint64
	err       *byte
}

// runEngine loads the library and runs clickhouse-local's main in it until it
// returns. The text is what the engine gave as its reason, if any.
func runEngine(library string, args []string) (string, error) {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return "", fmt.Errorf("load the engine: %w", err)
	}
	var (
		setSignals func(int32)
		run        func(int32, unsafe.Pointer) *engineResult
	)
	purego.RegisterLibFunc(&setSignals, handle, symbolSignals)
	purego.RegisterLibFunc(&run, handle, symbolRun)
	// The Go runtime owns the signals of this process.
	setSignals(0)

	var pin runtime.Pinner
	defer pin.Unpin()
	argv := make([]*byte, len(args)+1)
	for i, a := range args {
		b := append([]byte(a), 0)
		pin.Pin(&b[0])
		argv[i] = &b[0]
	}
	pin.Pin(&argv[0])
	r := run(int32(len(args)), unsafe.Pointer(&argv[0]))
	if r == nil || r.err == nil {
		return "", nil
	}
	return unix.BytePtrToString(r.err), nil
}
