package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
)

// errSlow is the cause when an engine does not answer in time.
var errSlow = errors.New("no answer in time")

const (
	probeEvery = 20 * time.Millisecond
	probeLimit = 5 * time.Second
)

// waitReady returns nil when the HTTP interface says Ok and the native port
// accepts the service user's login: a foreign process on one of the ports
// would not.
func (s *Server) waitReady(ctx context.Context) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: probeLimit}
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		err := s.probe(ctx, &client)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

func (s *Server) probe(ctx context.Context, client *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.HTTP()+"/ping", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	if err != nil {
		return fmt.Errorf("GET /ping on %s: %w", s.HTTP(), err)
	}
	if strings.TrimSpace(string(body)) != "Ok." {
		return fmt.Errorf("GET /ping on %s: status %d, %q", s.HTTP(), resp.StatusCode, body)
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	conn, err := ch.Dial(ctx, ch.Options{
		Address: s.Native(), User: s.cfg.ServiceUser, Password: s.cfg.ServicePassword,
		Database: "system", DialTimeout: probeLimit,
	})
	if err != nil {
		return fmt.Errorf("log in to %s as %s: %w", s.Native(), s.cfg.ServiceUser, err)
	}
	return conn.Close()
}
