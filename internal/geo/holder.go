package geo

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Holder has the table in service and exchanges it whole (DESIGN rule 7).
type Holder struct {
	cityPath, asnPath string
	table             atomic.Pointer[Table]
	reload            sync.Mutex // one build at a time: each takes much memory
}

// NewHolder opens the first table; without one there is nothing to serve.
func NewHolder(cityPath, asnPath string) (*Holder, error) {
	h := &Holder{cityPath: cityPath, asnPath: asnPath}
	t, err := Open(cityPath, asnPath)
	if err != nil {
		return nil, err
	}
	h.table.Store(t)
	return h, nil
}

// Table gives the table in service. Take it once per batch, so that a batch
// has one version.
func (h *Holder) Table() *Table { return h.table.Load() }

// Lookup asks the table in service.
func (h *Holder) Lookup(a netip.Addr) Answer { return h.table.Load().Lookup(a) }

// Reload builds a table from the same paths and puts it in service. After an
// error the old one goes on; the error says so and names the file.
func (h *Holder) Reload() error {
	h.reload.Lock()
	defer h.reload.Unlock()
	t, err := Open(h.cityPath, h.asnPath)
	if err != nil {
		return fmt.Errorf("reload place tables, the old ones stay in service: %w", err)
	}
	h.table.Store(t)
	return nil
}
