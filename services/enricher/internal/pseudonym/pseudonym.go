// Package pseudonym replaces a subscriber's address by a keyed pseudonym. It knows nothing of flows.
//
// The pseudonym is AES-128 of the 16-byte address, cut to 64 bits, under a key that is derived from
// the master key for each period (HMAC-SHA-256). Whoever has no key can neither compute a pseudonym
// from an address nor go back; within a period the same address has the same pseudonym, across
// periods pseudonyms cannot be linked.
package pseudonym

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// KeySize is the length of the master key in bytes.
const KeySize = 32

// Key is the master key.
type Key [KeySize]byte

// week in milliseconds; periods begin on Monday 00:00 UTC, as reports do, so that one report counts
// a handset once.
const (
	weekMs       = 7 * 24 * 3600 * 1000
	firstMonday  = 4 * 24 * 3600 * 1000 // 1970-01-05
	maxPeriods   = 256                  // periods whose keys are kept
	subscriberV6 = 64                   // a handset changes its interface identifier at will: its /64 is the subscriber
)

// LoadKey reads the key file (64 hexadecimal digits). If there is none it makes one, for this user
// alone: losing it only breaks the link to earlier pseudonyms of the same week.
func LoadKey(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return createKey(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("read pseudonym key: %w", err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != KeySize {
		return Key{}, fmt.Errorf("pseudonym key %s: want %d hexadecimal digits", path, 2*KeySize)
	}
	return Key(raw), nil
}

func createKey(path string) (Key, error) {
	var key Key
	if _, err := rand.Read(key[:]); err != nil {
		return Key{}, fmt.Errorf("make pseudonym key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, fmt.Errorf("make pseudonym key: %w", err)
	}
	// It gets its name when it is whole: a process that is killed here leaves no half of a key.
	f, err := os.CreateTemp(filepath.Dir(path), ".pseudonym-key-")
	if err != nil {
		return Key{}, fmt.Errorf("make pseudonym key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(hex.EncodeToString(key[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), path)
	}
	if errors.Is(err, os.ErrExist) { // another process was quicker
		return LoadKey(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("make pseudonym key: %w", err)
	}
	return key, nil
}

// Maker makes pseudonyms. It is for one goroutine.
type Maker struct {
	key     Key
	periods map[int64]cipher.Block
	period  int64
	block   cipher.Block
	in, out [aes.BlockSize]byte
}

// NewMaker returns a maker for the key.
func NewMaker(key Key) *Maker { return &Maker{key: key, periods: make(map[int64]cipher.Block)} }

// Subscriber returns the pseudonym of the subscriber that has the address at the time (milliseconds
// since 1970); never 0, which means that there is none. An IPv6 subscriber is a /64.
func (m *Maker) Subscriber(a netip.Addr, atMs int64) uint64 {
	if period := floorDiv(atMs-firstMonday, weekMs); period != m.period || m.block == nil {
		m.turnTo(period)
	}
	m.in = a.As16()
	if !a.Is4() && !a.Is4In6() {
		clear(m.in[subscriberV6/8:])
	}
	m.block.Encrypt(m.out[:], m.in[:])
	return max(1, binary.BigEndian.Uint64(m.out[:8]))
}

func (m *Maker) turnTo(period int64) {
	block, ok := m.periods[period]
	if !ok {
		if len(m.periods) >= maxPeriods {
			clear(m.periods)
		}
		mac := hmac.New(sha256.New, m.key[:])
		mac.Write([]byte("landfall subscriber pseudonym, week "))
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(period)))
		var err error
		if block, err = aes.NewCipher(mac.Sum(nil)[:16]); err != nil {
			panic(err) // 16 bytes is a key size of AES
		}
		m.periods[period] = block
	}
	m.period, m.block = period, block
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
