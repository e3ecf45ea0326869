package dataset

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// fetcher downloads one address into one file.
type fetcher struct {
	client   *http.Client
	out      io.Writer
	attempts int           // how often a broken transfer is taken up again
	wait     time.Duration // before the second attempt; doubles
	stall    time.Duration // a transfer without a byte for this long is broken
}

// refused is an answer that another attempt will not change.
type refused struct{ err error }

func (r refused) Error() string { return r.err.Error() }
func (r refused) Unwrap() error { return r.err }

// get leaves the whole of address in the file at path. What an earlier,
// interrupted transfer left there is continued where the server can do that.
func (f fetcher) get(ctx context.Context, name, address, path string, expect int64) error {
	var err error
	wait := f.wait
	for attempt := 1; ; attempt++ {
		if err = f.try(ctx, name, address, path, expect); err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("download %s: %w", address, context.Cause(ctx))
		}
		var final refused
		if attempt >= f.attempts || errors.As(err, &final) {
			return fmt.Errorf("download %s: %w", address, err)
		}
		fmt.Fprintf(f.out, "%-9s broken off (%v), trying again in %s\n", name, err, wait)
		select {
		case <-ctx.Done():
			return fmt.Errorf("download %s: %w", address, context.Cause(ctx))
		case <-time.After(wait):
		}
		wait *= 2
	}
}

func (f fetcher) try(ctx context.Context, name, address, path string, expect int64) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return refused{err}
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return refused{err}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(f.stall, func() { cancel(fmt.Errorf("no data for %s", f.stall)) })
	defer watch.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return refused{err}
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		if err := restart(file); err != nil {
			return refused{err}
		}
		have = 0
	case resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)):
	case resp.StatusCode == http.StatusPartialContent, resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		if resp.Header.Get("Content-Range") == "bytes */"+strconv.FormatInt(have, 10) {
			return nil // all of it was there already
		}
		if err := restart(file); err != nil {
			return refused{err}
		}
		return fmt.Errorf("the server could not continue at byte %d", have)
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return refused{fmt.Errorf("the server answers %s; if it wants a login, fetch the package with `npm pack` and name the file with --from", resp.Status)}
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout:
		return fmt.Errorf("the server answers %s", resp.Status)
	default:
		return refused{fmt.Errorf("the server answers %s", resp.Status)}
	}
	total := expect
	if resp.ContentLength >= 0 {
		total = have + resp.ContentLength
	}
	if total > maxFileBytes {
		return refused{fmt.Errorf("the server offers %d bytes, more than any data set has", total)}
	}
	show := newProgress(f.out, name, total, have)
	defer show.stop()
	body := io.TeeReader(aliveReader{resp.Body, watch, f.stall}, show)
	n, err := io.Copy(file, io.LimitReader(body, maxFileBytes-have))
	if err != nil {
		return causeOf(ctx, err)
	}
	if resp.ContentLength >= 0 && n != resp.ContentLength {
		return fmt.Errorf("%d of %d bytes came", n, resp.ContentLength)
	}
	if err := file.Sync(); err != nil {
		return refused{err}
	}
	return nil
}

func restart(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.Seek(0, io.SeekStart)
	return err
}

// causeOf puts the reason of a cancelled context in place of the bare
// "context canceled" that the HTTP client gives.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// aliveReader pushes the stall alarm back at every byte that comes.
type aliveReader struct {
	r     io.Reader
	watch *time.Timer
	stall time.Duration
}

func (a aliveReader) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if n > 0 {
		a.watch.Reset(a.stall)
	}
	return n, err
}

// integrityOf gives a file's hash in Subresource Integrity form.
func integrityOf(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha512.New()
	if _, err := io.Copy(h, contextReader{ctx, f}); err != nil {
		return "", err
	}
	return "sha512-" + base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}
