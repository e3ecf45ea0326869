package dataset

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// connectTimeout is how long a publisher may take to answer at all.
const connectTimeout = 5 * time.Second

// maxListBytes is more than ten times what the longest list has.
const maxListBytes = 128 << 20

// listClient gives up soon on a publisher that does not answer; o.stall ends a transfer that stops.
func listClient(timeout time.Duration) *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: timeout}).DialContext,
		TLSHandshakeTimeout:   timeout,
		ResponseHeaderTimeout: timeout,
		ForceAttemptHTTP2:     true,
	}}
}

// unreachable says that a publisher or registry could not be asked. What is in place stays.
type unreachable struct{ err error }

func (u unreachable) Error() string { return "could not be reached: " + u.err.Error() }
func (u unreachable) Unwrap() error { return u.err }

// fetchLists asks all publishers at once and gives what went wrong by set. The lists are in the
// folder listsFolder(work, set).
func (o Options) fetchLists(ctx context.Context, work string, sets []Set) map[string]error {
	failed := make(map[string]error)
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, s := range sets {
		if len(s.Lists) == 0 || o.From[s.Name] != "" {
			continue
		}
		fmt.Fprintf(o.Out, "%-9s asking the publisher\n", s.Name)
		wait.Go(func() {
			if err := o.fetchSet(ctx, listsFolder(work, s), s); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[s.Name] = err
			}
		})
	}
	wait.Wait()
	return failed
}

func listsFolder(work string, s Set) string { return filepath.Join(work, s.Name+"-lists") }

func (o Options) fetchSet(ctx context.Context, folder string, s Set) error {
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o755)); err != nil {
		return err
	}
	for _, list := range s.Lists {
		var errs []error
		for _, address := range list.Address {
			err := o.fetchList(ctx, list, address, filepath.Join(folder, list.File))
			if err == nil {
				errs = nil
				break
			}
			errs = append(errs, err)
		}
		if len(errs) > 0 {
			return unreachable{errors.Join(errs...)}
		}
	}
	return nil
}

func (o Options) fetchList(ctx context.Context, list Published, address, path string) error {
	if list.Link != "" {
		page := path + ".page"
		if err := o.download(ctx, address, page); err != nil {
			return err
		}
		text, err := os.ReadFile(page)
		if err = errors.Join(err, os.Remove(page)); err != nil {
			return err
		}
		link, err := regexp.Compile(list.Link)
		if err != nil {
			return err
		}
		found := link.Find(text)
		if found == nil {
			return fmt.Errorf("%s names no file such as %s", address, list.Link)
		}
		address = string(found)
	}
	return o.download(ctx, address, path)
}

// download writes what is at address, unpacked, to a new file at path.
func (o Options) download(ctx context.Context, address, path string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(o.stall, func() { cancel(fmt.Errorf("no data for %s", o.stall)) })
	defer watch.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := o.listClient.Do(req)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: the server answers %s", address, resp.Status)
	}
	if _, err := writeSynced(path, &boundedReader{r: aliveReader{resp.Body, watch, o.stall}, left: maxListBytes}); err != nil {
		return fmt.Errorf("GET %s: %w", address, causeOf(ctx, err))
	}
	return nil
}

// boundedReader fails where io.LimitedReader would end: a file cut short must not look whole.
type boundedReader struct {
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errors.New("more data than any data set has")
	}
	return n, err
}

// lockedWriter keeps lines of several goroutines apart.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// copyUnpacked copies a file, and unpacks it when it is gzip.
func copyUnpacked(ctx context.Context, from, to string) (manifestFile, error) {
	f, err := os.Open(from)
	if err != nil {
		return manifestFile{}, err
	}
	defer f.Close()
	var magic [2]byte
	_, err = io.ReadFull(f, magic[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return manifestFile{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return manifestFile{}, err
	}
	var r io.Reader = contextReader{ctx, f}
	if magic == [2]byte{0x1f, 0x8b} {
		if r, err = gzip.NewReader(r); err != nil {
			return manifestFile{}, fmt.Errorf("%s: %w", from, err)
		}
	}
	sum, err := writeSynced(to, &boundedReader{r: r, left: maxFileBytes})
	if err != nil {
		return manifestFile{}, fmt.Errorf("%s: %w", from, err)
	}
	info, err := os.Stat(to)
	if err != nil {
		return manifestFile{}, err
	}
	return manifestFile{Name: filepath.Base(to), Bytes: info.Size(), SHA256: sum}, nil
}
