package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// passwordFile is where landfall up keeps the password of one of the embedded engine's users, so
// that other commands on this machine can log in.
func (c *Config) passwordFile(user string) string {
	return filepath.Join(c.StateDir, "secrets", "clickhouse-"+user+".password")
}

// storedPassword returns the password that landfall up made for user; empty if there is none.
func (c *Config) storedPassword(user string) string {
	text, err := os.ReadFile(c.passwordFile(user))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// ensurePassword returns user's password and makes one, for this system user alone, if there is
// none.
func (c *Config) ensurePassword(user string) (string, error) {
	if p := c.storedPassword(user); p != "" {
		return p, nil
	}
	path, password := c.passwordFile(user), rand.Text()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make password of %s: %w", user, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", fmt.Errorf("make password of %s: %w", user, err)
	}
	_, err = f.WriteString(password + "\n")
	return password, errors.Join(err, f.Sync(), f.Close())
}
