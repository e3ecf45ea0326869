//go:build !linux

package exporter

import "net/netip"

// queues is empty where the kernel does not tell.
type queues struct{}

func (*queues) supported() bool                   { return false }
func (*queues) look(netip.AddrPort) (queue, bool) { return queue{}, false }
func (*queues) close() error                      { return nil }

func defaultReceiveBuffer() int { return 212992 }
