package dataset

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// fetchLatest brings the newest package of a set that flows are judged by, as the registry vouches
// for it.
func (o Options) fetchLatest(ctx context.Context, dir, work string, s Set) error {
	fmt.Fprintf(o.Out, "%-9s asking for the newest %s\n", s.Name, s.Package)
	dist, err := o.Resolve(ctx, s.Package, "latest")
	if err != nil {
		return unreachable{err}
	}
	if dist.Integrity == "" {
		return fmt.Errorf("the registry gives no checksum for the newest %s", s.Package)
	}
	st := check(ctx, dir, s, false)
	if m, _ := readManifest(filepath.Join(dir, s.Name)); !o.Force && m != nil && st.State == OK && m.Integrity == dist.Integrity {
		fmt.Fprintf(o.Out, "%-9s %s is in place and the newest\n", s.Name, m.Version)
		return nil
	}
	// What an earlier run left may be of another version: nothing is continued.
	part := filepath.Join(work, s.Name+"-latest.tgz")
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	defer os.Remove(part)
	get := fetcher{client: o.Client, out: o.Out, attempts: 3, wait: o.wait, stall: o.stall}
	if err := get.get(ctx, s.Name, dist.Tarball, part, 0); err != nil {
		return unreachable{err}
	}
	sum, err := integrityOf(ctx, part)
	if err != nil {
		return err
	}
	if sum != dist.Integrity {
		return o.refuse(ctx, dir, s, dist.Tarball, fmt.Errorf("checksum %s, the registry vouches for %s", sum, dist.Integrity))
	}
	if s.Integrity == sum {
		return o.install(ctx, dir, work, s, part, "registry")
	}
	return o.installOwn(ctx, dir, work, s, own{path: part, from: "registry"})
}
