//go:build !linux

package clickhouse

import (
	"errors"
	"os/exec"
)

var errPlatform = errors.New("the embedded ClickHouse runs on Linux only so far; name a ClickHouse server in the configuration")

func supported() error { return errPlatform }

func bindToParent(*exec.Cmd) {}
