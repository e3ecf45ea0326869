package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Dist is where a package registry keeps one version of a package.
type Dist struct {
	Tarball   string `json:"tarball"`   // address
	Integrity string `json:"integrity"` // "sha512-…"
}

// Resolver asks a package registry for a tarball's address.
type Resolver func(ctx context.Context, pkg, version string) (Dist, error)

// ErrNoNPM says that the npm client is not there to be asked.
var ErrNoNPM = errors.New("npm is not on the PATH")

// NPM asks the user's npm client, so that a mirror in the user's npm
// configuration is used too.
func NPM(ctx context.Context, pkg, version string) (Dist, error) {
	path, err := exec.LookPath("npm")
	if err != nil {
		return Dist{}, ErrNoNPM
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, "view", pkg+"@"+version, "dist", "--json", "--loglevel=error")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	var answer struct {
		Dist
		Inner *Dist `json:"dist"` // npm nests the answer in some versions
		Error *struct {
			Code    string `json:"code"`
			Summary string `json:"summary"`
		} `json:"error"`
	}
	jsonErr := json.Unmarshal(stdout.Bytes(), &answer)
	switch {
	case ctx.Err() != nil:
		return Dist{}, fmt.Errorf("ask npm for %s@%s: %w", pkg, version, ctx.Err())
	case jsonErr == nil && answer.Error != nil:
		return Dist{}, fmt.Errorf("ask npm for %s@%s: %s: %s", pkg, version, answer.Error.Code, answer.Error.Summary)
	case runErr != nil:
		return Dist{}, fmt.Errorf("ask npm for %s@%s: %w: %s", pkg, version, runErr, strings.TrimSpace(stderr.String()))
	case jsonErr != nil:
		return Dist{}, fmt.Errorf("ask npm for %s@%s: its answer is not JSON: %w", pkg, version, jsonErr)
	}
	if answer.Inner != nil {
		answer.Dist = *answer.Inner
	}
	if answer.Tarball == "" {
		return Dist{}, fmt.Errorf("ask npm for %s@%s: its answer names no tarball", pkg, version)
	}
	return answer.Dist, nil
}
