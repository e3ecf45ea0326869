package clickhouse

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// ErrNoLibrary is wrapped by every error about an engine file that is absent,
// cut short or something else.
var ErrNoLibrary = errors.New("the ClickHouse engine cannot be used")

// The two functions of the engine that the child calls.
const (
	symbolSignals = "chdb_set_signal_handlers_enabled"
	symbolRun     = "query_stable_v2"
)

// elfMachine is the machine number (ELF e_machine) of each architecture the
// engine is built for.
var elfMachine = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// checkLibrary finds out cheaply whether path is the engine for this machine
// and complete. Loading a library that was cut short ends the process with
// SIGBUS and no message, so this comes first.
func checkLibrary(path string) error {
	const again = "run `landfall data update` to fetch it"
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: the ClickHouse engine is not in %s; %s", ErrNoLibrary, path, again)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNoLibrary, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is not a file; %s", ErrNoLibrary, path, again)
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoLibrary, err)
	}
	defer file.Close()
	// The table of sections stands at the end of the file, so a file cut
	// short fails to parse although its beginning is right.
	var head [20]byte
	if _, err := file.ReadAt(head[:], 0); err != nil || string(head[:4]) != elf.ELFMAG {
		return fmt.Errorf("%w: %s is not a shared library; %s", ErrNoLibrary, path, again)
	}
	machine := elf.Machine(binary.LittleEndian.Uint16(head[18:]))
	if want := elfMachine[runtime.GOARCH]; machine != want {
		return fmt.Errorf("%w: %s is for %s, this machine is %s; %s", ErrNoLibrary, path, machine, want, again)
	}
	f, err := elf.NewFile(file)
	if err != nil {
		return fmt.Errorf("%w: %s is cut short or damaged (%d bytes: %w); %s", ErrNoLibrary, path, info.Size(), err, again)
	}
	for _, p := range f.Progs {
		if end := p.Off + p.Filesz; end > uint64(info.Size()) {
			return fmt.Errorf("%w: %s is cut short or damaged (%d bytes, at least %d expected); %s", ErrNoLibrary, path, info.Size(), end, again)
		}
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("%w: read the symbols of %s: %w; %s", ErrNoLibrary, path, err, again)
	}
	missing := map[string]bool{symbolSignals: true, symbolRun: true}
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF {
			delete(missing, s.Name)
		}
	}
	for name := range missing {
		return fmt.Errorf("%w: %s has no function %s, so it is not the engine; %s", ErrNoLibrary, path, name, again)
	}
	return nil
}
