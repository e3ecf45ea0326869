package clickhouse

import (
	"os/exec"
	"syscall"
)

// supported says whether the engine can run here.
func supported() error { return nil }

// bindToParent makes the kernel end the child when the thread that started it
// ends, and gives it a process group of its own, so that a Ctrl-C in the
// terminal reaches only the parent, which still has work to flush into it.
func bindToParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
